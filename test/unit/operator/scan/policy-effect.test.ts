// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { VerdictCode, Outcome } from '../../../../core/verdict-codes.ts';
import type { CompiledPolicy } from '../../../../core/policy/types.ts';
import { policyEffects } from '../../../../operator/scan/policy-effect.ts';
import { groupPods, type Running } from '../../../../operator/scan/running-groups.ts';
import { createPodKeeper, type PodObject } from '../../../../operator/scan/running-images.ts';
import { compiled } from '../../../fakes/engine.ts';
import { atOnce } from './at-once.ts';

const keep = createPodKeeper();
const pod = (name: string, ...images: string[]): PodObject => {
  const [namespace = '', own = ''] = name.split('/');
  return keep({
    metadata: { name: own, namespace },
    spec: { containers: images.map((image) => ({ name: image, image })) },
  });
};
const policies = (...names: string[]): ReadonlyMap<string, CompiledPolicy> =>
  new Map(names.map((name) => [name, compiled(name, { images: ['**'], action: 'Deny' })]));

type Answer = readonly [outcome: Outcome, code: VerdictCode, ...refusedBy: string[]];

/** As the sweep leaves them: an image without an answer is not checked yet. */
function decided(
  pods: readonly PodObject[],
  known: ReadonlyMap<string, CompiledPolicy>,
  answers: Record<string, Answer>,
): Running {
  const running = atOnce(groupPods(pods, (namespace) => namespace === 'kube-system'));
  for (const subject of running.subjects) {
    subject.policies = [...known.values()];
    const answer = answers[subject.image];
    if (answer === undefined) continue;
    const [outcome, code, ...refusedBy] = answer;
    subject.result = { outcome, code, refusedBy, at: 0 };
  }
  return running;
}

describe('what a policy would do to what runs', () => {
  test('counts each Pod once, by every policy that refuses one of its images', () => {
    const known = policies('a', 'b', 'c');
    const pods = [
      pod('shop/1', 'bad', 'worse'),
      pod('shop/2', 'bad', 'worse'),
      pod('shop/3', 'good'),
      pod('web/1', 'worse'),
    ];
    const effects = atOnce(
      policyEffects(
        decided(pods, known, {
          good: ['allowed', 'Verified'],
          bad: ['denied', 'NoSignature', 'a'],
          worse: ['denied', 'UntrustedSignature', 'a', 'b'],
        }),
        known,
      ),
    );
    assert.deepEqual(
      [...effects].map(([name, { wouldDeny }]) => [name, wouldDeny]),
      [
        ['a', 3],
        ['b', 3],
        ['c', 0],
      ],
    );
  });

  test('counts apart what could not be checked, and not twice', () => {
    const known = policies('a');
    const pods = [pod('shop/1', 'out'), pod('shop/2', 'out', 'bad')];
    const answers = { out: ['error', 'RegistryUnavailable', 'a'], bad: ['denied', 'NoSignature', 'a'] } as const;
    const effect = atOnce(policyEffects(decided(pods, known, { ...answers }), known)).get('a');
    assert.deepEqual([effect?.wouldDeny, effect?.undecided], [1, 1]);
    // The denied one comes first, whatever its name.
    assert.deepEqual(effect?.sample, ['shop/2: bad: NoSignature', 'shop/1: out: RegistryUnavailable']);
  });

  test('gives one sample for each image of a namespace, the same whatever the order of the Pods', () => {
    const known = policies('a');
    const pods = [
      ...Array.from({ length: 30 }, (_, index) => pod(`shop/same-${index}`, 'same')),
      ...Array.from({ length: 30 }, (_, index) => pod(`shop/other-${index}`, `image-${index}`)),
      pod('web/same', 'same'),
    ];
    const answers = Object.fromEntries(
      pods.flatMap(({ runs }) =>
        (runs?.images ?? []).map(({ image }) => [image, ['denied', 'NoSignature', 'a'] as const]),
      ),
    );
    const sampleOf = (list: readonly PodObject[]) =>
      atOnce(policyEffects(decided(list, known, answers), known)).get('a')?.sample;
    const sample = sampleOf(pods);
    assert.equal(sample?.length, 10);
    assert.equal(new Set(sample?.map((text) => text.split(': ')[1])).size, 10);
    assert.deepEqual(sampleOf(pods.toReversed()), sample);
    assert.deepEqual(sampleOf(pods.slice(0, 30)), ['shop/same-0: same: NoSignature']);
  });

  test('cuts a sample to what the definition allows', () => {
    const known = policies('a');
    const image = 'x'.repeat(3000);
    const effect = atOnce(
      policyEffects(decided([pod('shop/1', image)], known, { [image]: ['denied', 'InvalidReference', 'a'] }), known),
    );
    assert.equal(effect.get('a')?.sample[0]?.length, 1024);
  });

  test('says nothing of a policy while one of its images is not checked', () => {
    const known = policies('a');
    const pods = [pod('shop/1', 'bad'), pod('shop/2', 'later')];
    assert.equal(atOnce(policyEffects(decided(pods, known, { bad: ['denied', 'NoSignature', 'a'] }), known)).size, 0);
  });

  test('leaves out the namespaces that admission leaves out', () => {
    const known = policies('a');
    const pods = [pod('kube-system/1', 'bad')];
    assert.equal(atOnce(policyEffects(decided(pods, known, {}), known)).get('a')?.wouldDeny, 0);
  });

  test('tells the generation that it is about', () => {
    assert.equal(atOnce(policyEffects({ groups: [], subjects: [] }, policies('a'))).get('a')?.observedGeneration, 1);
  });
});

describe('grouping', () => {
  test('checks an image once for all Pods of a namespace with the same credentials, the most frequent first', () => {
    const pods = [pod('shop/1', 'rare'), pod('shop/2', 'often'), pod('shop/3', 'often'), pod('web/1', 'often')];
    const { subjects } = atOnce(groupPods(pods, () => false));
    assert.deepEqual(
      subjects.map(({ image, source, pods: count }) => [source.namespace, image, count]),
      [
        ['shop', 'often', 2],
        ['shop', 'rare', 1],
        ['web', 'often', 1],
      ],
    );
  });

  test('keeps apart what was pulled with other secrets', () => {
    const secret = keep({
      metadata: { name: '2', namespace: 'shop' },
      spec: { containers: [{ image: 'often' }], imagePullSecrets: [{ name: 'pull' }] },
    });
    assert.equal(atOnce(groupPods([pod('shop/1', 'often'), secret], () => false)).subjects.length, 2);
  });
});
