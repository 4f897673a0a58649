// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Timeline, TOLERANCE } from '../../endurance/timeline.ts';

/** A timeline that changed from `old` to `new`, and the moment at which the change was asked for. */
async function changed(): Promise<{ line: Timeline; at: number }> {
  const line = new Timeline('old');
  const at = performance.now();
  await line.change('new', async () => undefined);
  return { line, at };
}

describe('a timeline', () => {
  test('knows one right answer while nothing changes', () => {
    const line = new Timeline('old');
    assert.equal(line.assess('old', 0, 1e9), 'right');
    assert.equal(line.assess('new', 0, 1e9), 'wrong');
  });

  test('takes either answer where a review overlaps a change, or begins within the tolerance', async () => {
    const { line, at } = await changed();
    for (const [startedAt, endedAt] of [
      [at - 500, at + 500],
      [at + TOLERANCE / 2, at + TOLERANCE],
    ] as const) {
      assert.equal(line.assess('old', startedAt, endedAt), 'changing');
      assert.equal(line.assess('new', startedAt, endedAt), 'changing');
      assert.equal(line.assess('other', startedAt, endedAt), 'wrong');
    }
  });

  test('takes only the old answer before a change and only the new one after the tolerance', async () => {
    const { line, at } = await changed();
    assert.equal(line.assess('old', at - 500, at - 100), 'right');
    assert.equal(line.assess('new', at - 500, at - 100), 'wrong');
    const later = performance.now() + TOLERANCE + 1;
    assert.equal(line.assess('new', later, later + 1), 'right');
    assert.equal(line.assess('old', later, later + 1), 'wrong');
    assert.equal(line.current, 'new');
  });

  test('tells how long after a change the old answer was still given', async () => {
    const { line } = await changed();
    const began = performance.now() + 300;
    line.assess('old', began, began + 10);
    assert.ok(line.slowestChange >= 300 && line.slowestChange < 400, String(line.slowestChange));
  });

  test('takes the old answer for as long as a change is under way', async () => {
    const line = new Timeline('old');
    const taken = Promise.withResolvers<void>();
    const changing = line.change('new', () => taken.promise);
    const now = performance.now() + 60_000;
    assert.equal(line.assess('old', now, now + 1), 'changing');
    taken.resolve();
    await changing;
  });
});
