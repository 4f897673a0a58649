// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { ApiError } from '../../../../operator/kubernetes/api-client.ts';
import { createWorkQueue } from '../../../../operator/kubernetes/work-queue.ts';
import { eventually } from '../eventually.ts';

const options = { name: 'status', log: silentLogger, backoff: { first: 10, most: 100 } };

describe('createWorkQueue', () => {
  test('works a key once however often it was added while it waited', async () => {
    const worked: string[] = [];
    const queue = createWorkQueue({ ...options, process: async (key) => void worked.push(key) });
    for (const key of ['a', 'b', 'a', 'a', 'b']) queue.add(key);
    await eventually(() => worked.length === 2);
    await queue.stop();
    assert.deepEqual(worked, ['a', 'b']);
  });

  test('works a key once more when it was added while it ran, never twice at a time', async () => {
    let running = 0;
    let most = 0;
    let runs = 0;
    const queue = createWorkQueue({
      ...options,
      workers: 4,
      process: async () => {
        most = Math.max(most, ++running);
        runs += 1;
        if (runs === 1) {
          queue.add('a');
          queue.add('a');
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
        running -= 1;
      },
    });
    queue.add('a');
    await eventually(() => runs === 2 && running === 0);
    await queue.stop();
    assert.equal(most, 1);
    assert.equal(runs, 2);
  });

  test('works on one key of a party at a time, however many wait, and on those of others meanwhile', async () => {
    const started: string[] = [];
    const gate = Promise.withResolvers<void>();
    const queue = createWorkQueue({
      ...options,
      workers: 2,
      partyOf: (key) => key.slice(0, 1),
      process: async (key) => {
        started.push(key);
        if (key.startsWith('a')) await gate.promise;
      },
    });
    for (const key of ['a1', 'a2', 'a3', 'b1', 'b2']) queue.add(key);
    await eventually(() => started.includes('b2'));
    assert.deepEqual(started, ['a1', 'b1', 'b2']);
    gate.resolve();
    await eventually(() => started.length === 5);
    await queue.stop();
    assert.deepEqual(started.slice(3), ['a2', 'a3']);
  });

  test('parties take turns, so that a late key of one does not wait for all of the others', async () => {
    const worked: string[] = [];
    const queue = createWorkQueue({
      ...options,
      partyOf: (key) => key.slice(0, 1),
      process: async (key) => {
        worked.push(key);
        if (key === 'a1') queue.add('c1');
      },
    });
    for (const key of ['a1', 'a2', 'a3', 'b1', 'b2', 'b3']) queue.add(key);
    assert.equal(queue.depth, 6);
    await eventually(() => worked.length === 7);
    await queue.stop();
    assert.deepEqual(worked, ['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'b3']);
    assert.equal(queue.depth, 0);
  });

  test('runs as many keys at a time as it has workers', async () => {
    let running = 0;
    let most = 0;
    const queue = createWorkQueue({
      ...options,
      workers: 2,
      process: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 5));
        running -= 1;
      },
    });
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await eventually(() => queue.depth === 0 && running === 0);
    assert.equal(most, 2);
    await queue.stop();
  });

  test('tries a failed key again with growing pauses, and forgets them after a success', async () => {
    const times: number[] = [];
    const queue = createWorkQueue({
      ...options,
      random: () => 1,
      process: async () => {
        times.push(performance.now());
        if (times.length < 4) throw new Error('not yet');
      },
    });
    queue.add('a');
    await eventually(() => times.length === 4);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.ok((gaps[0] ?? 0) >= 9 && (gaps[1] ?? 0) >= 19 && (gaps[2] ?? 0) >= 39, gaps.join());
    await queue.stop();
  });

  test('waits at least as long as the server asked', async () => {
    const times: number[] = [];
    const queue = createWorkQueue({
      ...options,
      process: async () => {
        times.push(performance.now());
        if (times.length === 1) throw new ApiError(429, 'slow down', 80);
      },
    });
    queue.add('a');
    await eventually(() => times.length === 2);
    assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 79);
    await queue.stop();
  });

  test('one key that keeps failing does not hold up the others', async () => {
    const worked: string[] = [];
    const queue = createWorkQueue({
      ...options,
      process: async (key) => {
        if (key === 'bad') throw new Error('for ever');
        worked.push(key);
      },
    });
    for (const key of ['bad', 'a', 'b']) queue.add(key);
    await eventually(() => worked.length === 2);
    await queue.stop();
  });

  test('stop waits for the running key, drops the rest and cancels retries', async () => {
    const worked: string[] = [];
    const queue = createWorkQueue({
      ...options,
      process: async (key) => {
        worked.push(key);
        await new Promise((resolve) => setTimeout(resolve, 20));
        worked.push(`${key} done`);
        throw new Error('again');
      },
    });
    queue.add('a');
    queue.add('b');
    await eventually(() => worked.length === 1);
    await queue.stop();
    queue.add('c');
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.deepEqual(worked, ['a', 'a done']);
  });
});
