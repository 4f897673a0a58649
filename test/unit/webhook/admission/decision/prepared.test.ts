// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Verdict } from '../../../../../core/verdict/types.ts';
import { createPrepared, type AnswerGround } from '../../../../../webhook/admission/decision/prepared.ts';
import type { ImageField } from '../../../../../webhook/admission/request/image-fields.ts';
import { WORKLOADS } from '../../../../../webhook/admission/request/workloads.ts';
import { harness, podOf, podReview, reviewOf, SIGNED, untilGone, verdictFor, type Body } from '../../reviews.ts';

const [pod, other] = WORKLOADS;
assert.ok(pod && other);
const verdict = verdictFor(SIGNED);
const field: ImageField = {
  path: '/spec/containers/0/image',
  slot: 's',
  list: 'containers',
  name: 'app',
  image: SIGNED,
};
const ground: AnswerGround = {
  endpoint: 'mutate',
  row: pod,
  namespace: 'default',
  configuration: {},
  fields: [field],
  verdicts: [verdict],
};

describe('what was made of an answer is found again', () => {
  const prepared = createPrepared<string>();
  prepared.keep(ground, 'made');

  test('by the same ground', () => {
    assert.equal(prepared.find({ ...ground, fields: [{ ...field }], verdicts: [verdict] }), 'made');
  });

  const changes: Readonly<Record<string, Partial<AnswerGround>>> = {
    'another endpoint': { endpoint: 'validate' },
    'another kind': { row: other },
    'another namespace': { namespace: 'shop' },
    'another configuration, even one that says the same': { configuration: {} },
    'another verdict, even one that says the same': { verdicts: [{ ...verdict }] },
    'one more verdict': { verdicts: [verdict, verdictFor(SIGNED)] },
    'no verdict': { verdicts: [] },
    'one more field': { fields: [field, field] },
    'no field': { fields: [] },
    'another place': { fields: [{ ...field, path: '/spec/containers/1/image' }] },
    'another image': { fields: [{ ...field, image: 'registry.example.com/signed/app:2' }] },
    'a digest to keep': { fields: [{ ...field, keep: `${SIGNED}@sha256:1` }] },
    'another list': { fields: [{ ...field, list: 'initContainers' }] },
    'another name': { fields: [{ ...field, name: 'web' }] },
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`but not by ${what}`, () => assert.equal(prepared.find({ ...ground, ...change }), undefined));
  }

  test('but not by another verdict on a second image', () => {
    const two = { ...ground, verdicts: [verdict, verdictFor(SIGNED)] };
    const both = createPrepared<string>();
    both.keep(two, 'made');
    assert.equal(both.find({ ...two, verdicts: [...two.verdicts] }), 'made');
    assert.equal(both.find({ ...two, verdicts: [verdict, verdictFor(SIGNED)] }), undefined);
  });

  test('by the last of several grounds with one verdict', () => {
    const several = createPrepared<string>();
    several.keep(ground, 'one');
    several.keep({ ...ground, endpoint: 'validate' }, 'two');
    assert.equal(several.find(ground), undefined);
    assert.equal(several.find({ ...ground, endpoint: 'validate' }), 'two');
  });

  test('but not where there are many fields', () => {
    const fields = Array.from({ length: 17 }, () => field);
    const many = createPrepared<string>();
    many.keep({ ...ground, fields }, 'made');
    assert.equal(many.find({ ...ground, fields }), undefined);
  });
});

/** The same verdict each time, as for a moment after a decision. */
function remembering() {
  const known = new Map<string, Verdict>();
  const recall = (image: string): Verdict => {
    const found = known.get(image) ?? verdictFor(image, { registryRequests: 0 });
    known.set(image, found);
    return found;
  };
  return harness({ recall });
}

describe('an answer given again', () => {
  const second = `${SIGNED}2`;
  const pinned = `${SIGNED}@${verdictFor(SIGNED).resolved?.split('@')[1]}`;
  const deployment = reviewOf('deployments', { spec: { template: { spec: { containers: [{ image: SIGNED }] } } } });
  const reviews: Readonly<Record<string, readonly ['mutate' | 'validate', Body]>> = {
    'one container': ['mutate', podReview([SIGNED])],
    'the same validated, not pinned': ['validate', podReview([SIGNED])],
    'the same validated, pinned': ['validate', podReview([pinned])],
    'the same in a second container': ['mutate', podReview([second, SIGNED])],
    'the same twice': ['mutate', podReview([SIGNED, SIGNED])],
    'the same, then another': ['mutate', podReview([SIGNED, second])],
    'in a Deployment': ['mutate', deployment],
    'for another namespace': ['mutate', podReview([SIGNED], { namespace: 'shop' })],
    'for a Pod of another name': ['mutate', reviewOf('pods', podOf([SIGNED], { name: 'z' }), { name: 'z', uid: 'z' })],
    'of a dry run': ['mutate', podReview([SIGNED], { dryRun: true })],
  };
  for (const [before, [, first]] of Object.entries(reviews)) {
    for (const [after, [endpoint, review]] of Object.entries(reviews)) {
      test(`to "${after}" after "${before}" is the one that would be made anew`, async () => {
        const { handle } = remembering();
        await handle(reviews[before]?.[0] ?? 'mutate', first, untilGone());
        const again = await handle(endpoint, review, untilGone());
        assert.deepEqual(again, await remembering().handle(endpoint, review, untilGone()));
      });
    }
  }

  test('tells of who asks now', async () => {
    const { handle, records } = remembering();
    await handle('mutate', podReview([SIGNED], { uid: 'one', name: 'a' }), untilGone());
    const { response } = await handle('mutate', podReview([SIGNED], { uid: 'two', name: 'b' }), untilGone());
    assert.equal(response.uid, 'two');
    assert.deepEqual(
      records.map(({ uid, name }) => [uid, name]),
      [
        ['one', 'a'],
        ['two', 'b'],
      ],
    );
  });

  test('ends with its verdict', async () => {
    let isRevoked = false;
    const kept = verdictFor(SIGNED);
    const { handle } = harness({
      recall: () => (isRevoked ? undefined : kept),
      decide: async ({ image }) => verdictFor(image, { outcome: 'denied', code: 'NoSignature' }),
    });
    assert.equal((await handle('mutate', podReview([SIGNED]), untilGone())).response.allowed, true);
    assert.equal((await handle('mutate', podReview([SIGNED]), untilGone())).response.allowed, true);
    isRevoked = true;
    assert.equal((await handle('mutate', podReview([SIGNED]), untilGone())).response.allowed, false);
  });

  test('is refused where what is remembered cannot be asked', async () => {
    const { handle, results } = harness({
      recall: () => {
        throw new Error('broken');
      },
    });
    assert.equal((await handle('mutate', podReview([SIGNED]), untilGone())).response.allowed, false);
    assert.deepEqual(results, ['error']);
  });
});
