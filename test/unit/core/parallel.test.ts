// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapInParallel } from '../../../core/parallel.ts';

test('mapInParallel keeps the order, takes each item once, and no more than its limit at a time', async () => {
  let open = 0;
  let most = 0;
  const results = await mapInParallel([5, 1, 4, 2, 3], 2, async (turns) => {
    most = Math.max(most, (open += 1));
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    open -= 1;
    return turns * 10;
  });
  assert.deepEqual([results, most], [[50, 10, 40, 20, 30], 2]);
  assert.deepEqual(await mapInParallel([], 2, () => Promise.resolve(1)), []);
});

test('mapInParallel fails with the first failure', async () => {
  await assert.rejects(mapInParallel([1, 2, 3], 2, failOnTwo), { message: 'two' });
});

async function failOnTwo(item: number): Promise<number> {
  if (item === 2) throw new Error('two');
  return item;
}
