// SPDX-License-Identifier: Apache-2.0
// One request's answer for another: many at a time over real HTTPS, each answer checked against its own question.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { harness, patchOf, pinnedFor, podReview, verdictFor } from '../reviews.ts';
import { running } from '../serving.ts';
import type { Decide } from '../../../../core/verdict/types.ts';

const REQUESTS = 3000;
const IN_FLIGHT = 32;

/** Answers out of order, and refuses in every way there is. */
const decide: Decide = async ({ image, namespace }) => {
  const number = Number(/app(\d+)/.exec(image)?.[1]);
  if (number % 7 === 0) await delay(number % 11);
  else if (number % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  if (number % 13 === 0) throw new Error(`broken ${image}`);
  return verdictFor(image, { policies: [namespace.name ?? ''] });
};

test('thousands of mixed reviews at the same time each get their own answer', async () => {
  const { post } = await running(harness({ decide }).handle);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let number = next++; number < REQUESTS; number = next++) {
      const signed = number % 2 === 0;
      const image = `registry.example.com/${signed ? 'signed' : 'unsigned'}/app${number}:v${number}`;
      const review = podReview([image], { uid: `uid-${number}`, namespace: `ns-${number}` });
      const { status, text } = await post('/mutate', JSON.stringify(review));
      assert.equal(status, 200);
      const answer = JSON.parse(text);
      assert.equal(answer.response.uid, `uid-${number}`);
      const broken = number % 13 === 0;
      assert.equal(answer.response.allowed, signed && !broken, image);
      if (signed && !broken) {
        assert.deepEqual(patchOf(answer), [
          { op: 'replace', path: '/spec/containers/0/image', value: pinnedFor(image) },
        ]);
        assert.deepEqual(JSON.parse(answer.response.auditAnnotations['verdict-0']).policies, [`ns-${number}`]);
      } else {
        assert.ok(answer.response.status.message.includes(image));
        assert.equal(answer.response.patch, undefined);
      }
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
});
