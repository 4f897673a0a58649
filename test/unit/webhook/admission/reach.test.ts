// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { REACH_ANNOTATION, reachedMessage } from '../../../../core/reach.ts';
import { answerReach } from '../../../../webhook/admission/reach.ts';
import { SIGNED, podReview } from '../reviews.ts';

const UUID = '01234567-89ab-cdef-0123-456789abcdef';

function question(value: unknown, resource = 'leases'): object {
  const object = { metadata: { annotations: { [REACH_ANNOTATION]: value } } };
  return { request: { uid: 'asked', resource: { resource }, object } };
}

describe('the question whether API servers reach an endpoint', () => {
  test('is refused by the endpoint that is meant, with what was asked, and admitted by the other', () => {
    const value = `validate ${UUID}`;
    const refused = answerReach('validate', question(value))?.response;
    assert.deepEqual([refused?.uid, refused?.allowed], ['asked', false]);
    assert.equal(refused?.status?.message, reachedMessage(value));
    assert.equal(answerReach('mutate', question(value))?.response.allowed, true);
  });

  for (const [what, body] of [
    ['a Pod with the annotation', question(`mutate ${UUID}`, 'pods')],
    ['a Pod', podReview([SIGNED])],
    ['another value', question(`mutate ${UUID} and more`)],
    ['no text', question(1)],
    ['no review', 'text'],
    ['nothing', null],
  ] as const) {
    test(`is not ${what}, which is answered as ever`, () => {
      assert.equal(answerReach('mutate', body), undefined);
    });
  }
});
