// SPDX-License-Identifier: Apache-2.0
// What becomes of a verdict that does not fit the image, or whose digest is not in the Pod.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestFor, harness, podReview, SIGNED, untilGone, verdictFor } from '../../reviews.ts';

test('a verdict about another digest than the image names is an error, and says so', async () => {
  const { handle, denials } = harness({ decide: async () => verdictFor(SIGNED) });
  const image = `${SIGNED}@${digestFor('another image')}`;
  const { response } = await handle('mutate', podReview([image]), untilGone());
  assert.equal(response.allowed, false);
  assert.match(response.status?.message ?? '', /which is not what it names/);
  assert.deepEqual(
    denials.flatMap(({ verdicts }) => verdicts).map(({ outcome, code }) => [outcome, code]),
    [['error', 'InternalError']],
  );
});

test('a verified Pod that reaches validation unpinned is denied for its reference', async () => {
  const { handle, denials } = harness();
  const { response } = await handle('validate', podReview([SIGNED]), untilGone());
  assert.equal(response.allowed, false);
  assert.deepEqual(
    denials.flatMap(({ verdicts }) => verdicts).map(({ outcome, code }) => [outcome, code]),
    [['denied', 'InvalidReference']],
  );
});
