// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFairQueue } from '../../../../core/turns/fair-queue.ts';

test('who asks for much waits for itself, and is served again as the past fades', () => {
  let now = 0;
  const queue = createFairQueue<number>(() => now);
  for (let job = 0; job < 10; job += 1) queue.add('hostile', job);
  assert.equal(queue.take()?.owner, 'hostile');
  queue.charge('hostile', 1000);
  queue.add('honest', 1);
  queue.add('honest', 2);
  assert.equal(queue.take()?.owner, 'honest');
  queue.charge('honest', 10);
  assert.equal(queue.take()?.owner, 'honest');
  queue.charge('honest', 10);
  assert.deepEqual(queue.take(), { owner: 'hostile', job: 1 });
  queue.charge('honest', 50);
  queue.add('honest', 3);
  assert.equal(queue.take()?.owner, 'honest');
  queue.charge('honest', 100);
  now += 60_000;
  queue.charge('honest', 100);
  queue.add('honest', 4);
  assert.equal(queue.take()?.owner, 'hostile');
});

test('takes the jobs of one owner in their order, no more than some, and gives undefined after the last', () => {
  const queue = createFairQueue<number>(() => 0);
  const taken = Array.from({ length: 257 }, (_, job) => queue.add('a', job));
  assert.equal(taken.at(-2), true);
  assert.equal(taken.at(-1), false);
  assert.equal(queue.add('b', 0), true);
  const order = Array.from({ length: 256 }, () => queue.take()?.job);
  assert.deepEqual(order.slice(0, 3), [0, 1, 2]);
  assert.equal(queue.take()?.owner, 'b');
  assert.equal(queue.take(), undefined);
});
