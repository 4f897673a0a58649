// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRecentlyUsed } from '../../../core/recently-used.ts';

test('what was not used for longest goes once there are more than the maximum', () => {
  const known = createRecentlyUsed<number>(3);
  for (const [value, key] of ['a', 'b', 'c'].entries()) known.set(key, value);
  assert.equal(known.get('a'), 0);
  known.set('d', 3);
  assert.deepEqual([...known.keys()].toSorted(), ['a', 'c', 'd']);
  // Setting an entry anew is no further one.
  known.set('d', 4);
  assert.deepEqual([known.size, known.get('d')], [3, 4]);
});
