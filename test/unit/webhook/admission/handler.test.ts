// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { PullIdentity } from '../../../../core/registry/credentials/pull-identity.ts';
import type { Decide, Verdict } from '../../../../core/verdict/types.ts';
import type { AdmissionResponse } from '../../../../webhook/admission/answer/response.ts';
import {
  harness,
  objectOf,
  patchOf,
  pinnedFor,
  podOf,
  podReview,
  reviewOf,
  SIGNED,
  UNSIGNED,
  untilGone,
  verdictFor,
} from '../reviews.ts';
import type { Body, Overrides } from '../reviews.ts';

async function respond(
  endpoint: 'mutate' | 'validate',
  review: Body,
  overrides?: Overrides,
): Promise<AdmissionResponse> {
  return (await harness(overrides).handle(endpoint, review, untilGone())).response;
}

/** An engine that gives all images the same verdict, apart from the image. */
function always(change: Partial<Verdict>): Overrides {
  return { decide: async ({ image }) => verdictFor(image, change) };
}

/** An engine that breaks its contract. */
function misspelt(field: 'mode' | 'outcome', value: string): Overrides {
  return { decide: async ({ image }) => JSON.parse(JSON.stringify({ ...verdictFor(image), [field]: value })) };
}

const warnsOfW: Decide = async ({ image }) => verdictFor(image, image === 'w' ? { mode: 'Warn' } : {});

describe('an answer', () => {
  test('is an AdmissionReview with the uid of the request', async () => {
    const answer = await harness().handle('mutate', podReview([SIGNED], { uid: 'abc' }), untilGone());
    assert.equal(answer.apiVersion, 'admission.k8s.io/v1');
    assert.equal(answer.kind, 'AdmissionReview');
    assert.equal(answer.response.uid, 'abc');
  });

  test('that allows has no status', async () => {
    assert.equal((await respond('mutate', podReview([SIGNED]))).status, undefined);
  });

  test('from validate has neither patch nor type', async () => {
    const response = await respond('validate', podReview([pinnedFor(SIGNED)]));
    assert.equal(response.allowed, true);
    assert.ok(!('patch' in response) && !('patchType' in response));
  });

  test('without changes has neither patch nor type', async () => {
    const response = await respond('mutate', podReview([pinnedFor(SIGNED)]));
    assert.ok(response.allowed && !('patch' in response) && !('patchType' in response));
  });
});

describe('several images', () => {
  test('one bad one among good ones refuses, and no patch is sent', async () => {
    const response = await respond('mutate', podReview([SIGNED, UNSIGNED, SIGNED]));
    assert.equal(response.allowed, false);
    assert.equal(response.patch, undefined);
  });

  test('each failing container is named with its reason and remedy', async () => {
    const response = await respond('mutate', podReview([SIGNED, UNSIGNED, 'registry.example.com/bad/x']));
    const message = response.status?.message ?? '';
    assert.equal(
      message,
      `2 images are refused:\ncontainer "c1": image ${UNSIGNED} has no signature. Sign it: cosign sign ${UNSIGNED}\n` +
        'container "c2": image registry.example.com/bad/x has no signature. Sign it: cosign sign registry.example.com/bad/x',
    );
  });

  test('one image in several places is decided once, named in all of them and pinned in all of them', async () => {
    const { handle, asked } = harness();
    const answer = await handle('mutate', podReview([SIGNED, SIGNED]), untilGone());
    assert.deepEqual(asked, [SIGNED]);
    assert.deepEqual(patchOf(answer), [
      { op: 'replace', path: '/spec/containers/0/image', value: pinnedFor(SIGNED) },
      { op: 'replace', path: '/spec/containers/1/image', value: pinnedFor(SIGNED) },
    ]);
    const refused = await handle('mutate', podReview([UNSIGNED, UNSIGNED]), untilGone());
    assert.match(refused.response.status?.message ?? '', /^container "c0", container "c1": image/);
  });

  test('are decided at the same time, not one after the other', async () => {
    let running = 0;
    let most = 0;
    const decide: Overrides['decide'] = async ({ image }) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return verdictFor(image);
    };
    const few = Array.from({ length: 5 }, (_, index) => `registry.example.com/signed/app${index}:1`);
    await respond('mutate', podReview(few), { decide });
    assert.equal(most, 5);
    const many = Array.from({ length: 200 }, (_, index) => `registry.example.com/signed/app${index}:1`);
    const answer = await harness({ decide }).handle('mutate', podReview(many), untilGone());
    assert.equal(most, 16);
    assert.deepEqual(
      patchOf(answer).map(({ value }) => value),
      many.map(pinnedFor),
    );
  });
});

describe('modes', () => {
  const failing = podReview([UNSIGNED]);

  test('Enforce refuses with 403 Forbidden', async () => {
    const { allowed, status } = await respond('validate', failing);
    assert.deepEqual([allowed, status?.code, status?.reason], [false, 403, 'Forbidden']);
  });

  test('Warn admits with a warning and no patch', async () => {
    const response = await respond('mutate', failing, always({ mode: 'Warn' }));
    assert.equal(response.allowed, true);
    assert.match(response.warnings?.join(' ') ?? '', /container "c0": image .* has no signature\. Sign it/);
    assert.equal(response.patch, undefined);
  });

  test('Audit admits and only records', async () => {
    const response = await respond('mutate', failing, always({ mode: 'Audit' }));
    assert.equal(response.allowed, true);
    assert.equal(response.warnings, undefined);
    assert.equal(response.patch, undefined);
    assert.match(response.auditAnnotations?.['verdict-0'] ?? '', /"code":"NoSignature"/);
  });

  for (const mode of ['Enforce', 'Warn', 'Audit'] as const) {
    test(`enforcement Audit makes ${mode} only record`, async () => {
      const response = await respond('validate', failing, {
        ...always({ mode }),
        configuration: { enforcement: 'Audit' },
      });
      assert.deepEqual([response.allowed, response.warnings], [true, undefined]);
      assert.match(response.auditAnnotations?.['verdict-0'] ?? '', /"outcome":"denied","mode":"Audit"/);
    });
  }

  test('a mode that does not exist refuses', async () => {
    assert.equal((await respond('validate', failing, misspelt('mode', 'enforce'))).allowed, false);
  });

  test('an outcome that does not exist refuses', async () => {
    assert.equal((await respond('validate', failing, misspelt('outcome', 'Allowed'))).allowed, false);
  });

  test('Enforce of one image outweighs Warn of another, whose warning is still given', async () => {
    const response = await respond('validate', podReview(['w', UNSIGNED]), { decide: warnsOfW });
    assert.equal(response.allowed, false);
    assert.doesNotMatch(response.status?.message ?? '', /"c0"/);
    assert.match(response.warnings?.join(' ') ?? '', /"c0"/);
  });

  test('an admitted image with something left to do is admitted with a warning', async () => {
    const response = await respond(
      'mutate',
      podReview([SIGNED]),
      always({ remedy: 'The registry cannot be asked now.' }),
    );
    assert.equal(response.allowed, true);
    assert.match(response.warnings?.join(' ') ?? '', /cannot be asked now/);
  });
});

describe('evidence that could not be read', () => {
  for (const [code, status, reason] of [
    ['RegistryUnavailable', 503, 'ServiceUnavailable'],
    ['RegistryUnauthorized', 503, 'ServiceUnavailable'],
    ['DeadlineExceeded', 503, 'ServiceUnavailable'],
    ['InternalError', 500, 'InternalError'],
  ] as const) {
    test(`${code} refuses with ${status} ${reason}`, async () => {
      const response = await respond('validate', podReview([UNSIGNED]), always({ outcome: 'error', code }));
      assert.deepEqual([response.allowed, response.status?.code, response.status?.reason], [false, status, reason]);
    });
  }
});

describe('pinning', () => {
  const deployment = reviewOf('deployments', objectOf('deployments', { containers: [{ name: 'a', image: SIGNED }] }));

  for (const [pinDigests, resource, review, pinned] of [
    ['Pods', 'a Pod', podReview([SIGNED]), true],
    ['Pods', 'a Deployment', deployment, false],
    ['All', 'a Pod', podReview([SIGNED]), true],
    ['All', 'a Deployment', deployment, true],
    ['None', 'a Pod', podReview([SIGNED]), false],
    ['None', 'a Deployment', deployment, false],
  ] as const) {
    test(`${pinDigests} ${pinned ? 'pins' : 'leaves'} ${resource}`, async () => {
      const answer = await harness({ configuration: { pinDigests } }).handle('mutate', review, untilGone());
      assert.equal(answer.response.allowed, true);
      assert.deepEqual(
        patchOf(answer).map(({ value }) => value),
        pinned ? [pinnedFor(SIGNED)] : [],
      );
    });
  }

  test('a second pass over what was pinned changes nothing', async () => {
    const { handle } = harness();
    const first = patchOf(await handle('mutate', podReview([SIGNED]), untilGone()));
    const second = await handle('mutate', podReview(first.map(({ value }) => value)), untilGone());
    assert.equal(second.response.allowed, true);
    assert.deepEqual(patchOf(second), []);
  });

  for (const change of [
    { code: 'AllowedByPolicy', outcome: 'allowed' },
    { code: 'NoPolicy', outcome: 'allowed' },
    { code: 'NoSignature', outcome: 'denied', mode: 'Warn' },
    { code: 'NoSignature', outcome: 'denied', mode: 'Audit' },
    { code: 'Verified', outcome: 'denied', mode: 'Warn' },
  ] as const) {
    test(`${change.outcome} as ${change.code} is not pinned, and need not be`, async () => {
      for (const endpoint of ['mutate', 'validate'] as const) {
        const response = await respond(endpoint, podReview([SIGNED]), always(change));
        assert.equal(response.allowed, true);
        assert.equal(response.patch, undefined);
      }
    });
  }

  test('only what changed is pinned on UPDATE', async () => {
    const review = podReview([SIGNED, 'registry.example.com/signed/new:2'], {
      operation: 'UPDATE',
      oldObject: podOf([SIGNED]),
    });
    assert.deepEqual(patchOf(await harness().handle('mutate', review, untilGone())), [
      { op: 'replace', path: '/spec/containers/1/image', value: pinnedFor('registry.example.com/signed/new:2') },
    ]);
  });

  test('validate refuses a verified tag in a Pod: what runs would be resolved again', async () => {
    for (const pinDigests of ['Pods', 'All'] as const) {
      const response = await respond('validate', podReview([pinnedFor(SIGNED), SIGNED]), {
        configuration: { pinDigests },
      });
      assert.equal(response.allowed, false);
      assert.equal(response.status?.code, 403);
      assert.match(response.status.message, /^container "c1": .* is not pinned to that digest/);
    }
  });

  test('validate takes tags in Pods where nothing is pinned, and in templates', async () => {
    assert.equal(
      (await respond('validate', podReview([SIGNED]), { configuration: { pinDigests: 'None' } })).allowed,
      true,
    );
    for (const pinDigests of ['Pods', 'All', 'None'] as const) {
      assert.equal((await respond('validate', deployment, { configuration: { pinDigests } })).allowed, true);
    }
  });

  test('validate takes an unpinned image that an old Pod had', async () => {
    const review = podReview([SIGNED], { operation: 'UPDATE', oldObject: podOf([SIGNED]) });
    assert.equal((await respond('validate', review)).allowed, true);
  });

  test('validate respects the mode of the policy where a tag is not pinned', async () => {
    const response = await respond('validate', podReview([SIGNED]), always({ mode: 'Warn' }));
    assert.equal(response.allowed, true);
    assert.match(response.warnings?.join(' ') ?? '', /is not pinned/);
  });

  const OTHER = `sha256:${'0'.repeat(64)}`;
  for (const [what, image, resolved] of [
    ['another digest than the image', pinnedFor(SIGNED), `registry.example.com/signed/app@${OTHER}`],
    ['no digest', SIGNED, undefined],
    ['half a digest', SIGNED, 'registry.example.com/signed/app@sha256:00'],
    ['no repository', SIGNED, `@${OTHER}`],
  ] as const) {
    test(`a verdict that names ${what} refuses`, async () => {
      for (const endpoint of ['mutate', 'validate'] as const) {
        const decide: Overrides['decide'] = async () => {
          const { resolved: _, ...verdict } = verdictFor(image);
          return resolved === undefined ? verdict : { ...verdict, resolved };
        };
        const response = await respond(endpoint, podReview([image]), { decide });
        assert.deepEqual([response.allowed, response.status?.code], [false, 500]);
      }
    });
  }
});

describe('the surroundings of a decision', () => {
  test('the namespace is the one of the request', async () => {
    const seen: unknown[] = [];
    const review = reviewOf('pods', podOf([SIGNED], { namespace: 'other' }), { namespace: 'team-a' });
    await respond('mutate', review, {
      namespaceContext: async (name) => ({ name, labels: { of: name } }),
      decide: async ({ image, namespace }) => {
        seen.push(namespace);
        return verdictFor(image);
      },
    });
    assert.deepEqual(seen, [{ name: 'team-a', labels: { of: 'team-a' } }]);
  });

  test('credentials are looked up with what the Pod names, in the namespace of the request', async () => {
    const seen: PullIdentity[] = [];
    const keychainFor: Overrides['keychainFor'] = (pull) => {
      seen.push(pull);
      return { resolve: async () => [] };
    };
    const containers = [{ name: 'a', image: SIGNED }];
    const secrets = { imagePullSecrets: [{ name: 'one' }, {}, { name: '' }, { name: 'two' }] };
    for (const podSpec of [
      { containers, ...secrets, serviceAccountName: 'sa', serviceAccount: 'old' },
      { containers, serviceAccount: 'old' },
      { containers, serviceAccountName: '' },
    ]) {
      await respond('mutate', reviewOf('cronjobs', objectOf('cronjobs', podSpec), { namespace: 'team-a' }), {
        keychainFor,
      });
    }
    assert.deepEqual(seen, [
      { namespace: 'team-a', imagePullSecrets: ['one', 'two'], serviceAccountName: 'sa' },
      { namespace: 'team-a', imagePullSecrets: [], serviceAccountName: 'old' },
      { namespace: 'team-a', imagePullSecrets: [], serviceAccountName: 'default' },
    ]);
  });
});

describe('dry runs', () => {
  test('are answered alike and reported to nobody', async () => {
    const { handle, denials } = harness();
    const real = await handle('mutate', podReview([UNSIGNED]), untilGone());
    assert.deepEqual(
      denials.map(({ namespace, kind, name }) => ({ namespace, kind, name })),
      [{ namespace: 'default', kind: 'Pod', name: 'x' }],
    );
    const dry = await handle('mutate', podReview([UNSIGNED], { dryRun: true }), untilGone());
    assert.deepEqual(dry, real);
    assert.equal(denials.length, 1);
  });
});

describe('what is counted', () => {
  for (const [result, review] of [
    ['allowed', podReview([pinnedFor(SIGNED)])],
    ['denied', podReview([UNSIGNED])],
    ['skipped', podReview([UNSIGNED], { namespace: 'kube-system' })],
    ['error', podReview([], { subResource: 'status' })],
  ] as const) {
    test(`${result} reviews`, async () => {
      const { handle, results } = harness();
      await handle('validate', review, untilGone());
      assert.deepEqual(results, [result]);
    });
  }

  test('a malformed review', async () => {
    const { handle, results } = harness();
    await handle('validate', {}, untilGone());
    assert.deepEqual(results, ['error']);
  });
});

describe('what was decided a moment ago', () => {
  test('answers as a decision does, and only the other images are decided', async () => {
    const remembered = verdictFor(SIGNED, { registryRequests: 0 });
    const names: string[] = [];
    const recall: Overrides['recall'] = (image, namespace) => {
      names.push(namespace);
      return image === SIGNED ? remembered : undefined;
    };
    const known = harness({ recall });
    const review = podReview([SIGNED], { uid: 'abc' });
    const answer = await known.handle('mutate', review, untilGone());
    assert.deepEqual(answer, await harness().handle('mutate', review, untilGone()));
    assert.deepEqual(known.asked, []);
    assert.deepEqual(names, ['default']);

    const both = await known.handle('mutate', podReview([UNSIGNED, SIGNED]), untilGone());
    assert.equal(both.response.allowed, false);
    assert.deepEqual(known.asked, [UNSIGNED]);
  });

  test('is pinned and annotated by the image as it is written and by the mode in force', async () => {
    const remembered = verdictFor(SIGNED);
    const pinned = pinnedFor(SIGNED);
    const recall: Overrides['recall'] = () => remembered;
    const audit = { configuration: { enforcement: 'Audit' as const } };
    for (const [mode, overrides] of [
      ['Enforce', { recall }],
      ['Audit', { recall, ...audit }],
    ] as const) {
      const { handle } = harness(overrides);
      const answer = await handle('mutate', podReview([SIGNED]), untilGone());
      assert.deepEqual(patchOf(answer), [{ op: 'replace', path: '/spec/containers/0/image', value: pinned }]);
      assert.match(answer.response.auditAnnotations?.['verdict-0'] ?? '', new RegExp(`"mode":"${mode}"`));
      assert.equal((await handle('validate', podReview([pinned]), untilGone())).response.allowed, true);
    }
  });
});
