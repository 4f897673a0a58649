// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createOneATurn } from '../../../../core/turns/one-a-turn.ts';

describe('who waits for a turn', () => {
  test('goes on alone in it, first come, and others see to their affairs between two', async () => {
    const turns = createOneATurn();
    const seen: string[] = [];
    for (const name of ['a', 'b', 'c']) turns.wait(() => seen.push(name));
    assert.deepEqual(seen, []);
    for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
      await nextTurn();
      assert.deepEqual(seen, expected);
    }
  });

  test('comes after all others who wait, each time that it waits again', async () => {
    const turns = createOneATurn();
    const seen: string[] = [];
    const work = (name: string, left: number): void => {
      seen.push(name);
      if (left > 1) turns.wait(() => work(name, left - 1));
    };
    turns.wait(() => work('large', 3));
    turns.wait(() => work('small', 1));
    while (seen.length < 4) await nextTurn();
    assert.deepEqual(seen, ['large', 'small', 'large', 'large']);
  });

  test('does not go on once it has given its place up, and keeps nobody waiting', async () => {
    const turns = createOneATurn();
    const seen: string[] = [];
    const giveUp = turns.wait(() => seen.push('a'));
    turns.wait(() => seen.push('b'));
    giveUp();
    await nextTurn();
    assert.deepEqual(seen, ['b']);
  });
});
