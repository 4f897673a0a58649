// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createFairSlots } from '../../../../core/turns/fair-slots.ts';
import type { FairSlots, Turn } from '../../../../core/turns/fair-slots.ts';

const never = new AbortController().signal;

describe('a few slots for many', () => {
  let now = 0;
  let slots: FairSlots;
  let inside: string[] = [];
  beforeEach(() => {
    now = 0;
    inside = [];
    slots = createFairSlots({ slots: 4, now: () => now });
  });

  afterEach(() => mock.timers.reset());

  /** `team/app`; its turn, which takes a while to get. */
  function enter(name: string, signal = never): Promise<Turn> {
    const [owner = ''] = name.split('/');
    const entered = slots.enter({ owner, subject: name }, signal);
    entered.then(
      () => inside.push(name),
      () => {},
    );
    return entered;
  }

  /** Keeps its slot for as long as it may, and comes again at once. */
  async function keep(name: string): Promise<void> {
    for (;;) {
      const { over, leave } = await enter(name);
      await new Promise((resolve) => over.addEventListener('abort', resolve));
      leave();
    }
  }

  async function pass(milliseconds: number): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += 250) {
      now += 250;
      mock.timers.tick(250);
      await turn();
    }
  }

  test('give half of them to one owner, at most, and one to a subject', async () => {
    for (const name of ['a/1', 'a/1', 'a/2', 'a/3', 'b/1', 'b/1', 'c/1', 'd/1']) void enter(name);
    await turn();
    assert.deepEqual(inside, ['a/1', 'a/2', 'b/1', 'c/1']);
  });

  test('leave one for a third owner, whatever two of them keep', async () => {
    for (const name of ['a/1', 'a/2', 'b/1', 'b/2', 'b/3']) void enter(name);
    await turn();
    assert.deepEqual(inside, ['a/1', 'a/2', 'b/1']);
    void enter('c/1');
    await turn();
    assert.deepEqual(inside, ['a/1', 'a/2', 'b/1', 'c/1']);
  });

  test('come next to whose work took the least, whoever has waited longer', async () => {
    const first = await enter('a/1');
    const second = await enter('a/2');
    await enter('b/1');
    await enter('c/1');
    void enter('a/3');
    void enter('a/4');
    void enter('d/1');
    await turn();
    now = 5000;
    first.leave();
    await turn();
    assert.deepEqual(inside.slice(4), ['d/1']);
    second.leave();
    await turn();
    assert.deepEqual(inside.slice(4), ['d/1', 'a/3']);
  });

  test('are not waited for beyond a deadline, and who has gone takes none', async () => {
    const { leave } = await enter('a/1');
    const gone = new AbortController();
    const waiting = enter('a/1', gone.signal);
    gone.abort();
    await assert.rejects(waiting, { code: 'DeadlineExceeded', message: 'nothing was free in time' });
    await assert.rejects(enter('b/1', gone.signal), { code: 'DeadlineExceeded' });
    leave();
    for (const name of ['a/1', 'a/2', 'b/1', 'c/1']) await enter(name);
  });

  test('are waited for by no more than some of one owner, and by others all the same', async () => {
    await enter('a/1');
    for (let more = 0; more < 256; more += 1) void enter('a/1');
    await assert.rejects(enter('a/1'), { code: 'DeadlineExceeded', message: 'too many wait already' });
    await enter('b/1');
  });

  test('are left after a turn of two seconds by one of those who keep them, where another waits', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    for (const name of ['a/1', 'a/2', 'b/1', 'c/1']) void keep(name);
    await pass(60_000);
    assert.deepEqual(inside, ['a/1', 'a/2', 'b/1', 'c/1'], 'nobody waits');
    void enter('d/1');
    await pass(250);
    // Of the owner who has most; who has gone comes back only when another slot is free.
    assert.deepEqual(inside.slice(4), ['d/1']);
  });

  test('go round among any number who keep them, none twice before all had theirs', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const owners = Array.from({ length: 12 }, (_, index) => `${index}/app`);
    for (const owner of owners) void keep(owner);
    await pass(7000);
    assert.deepEqual(inside.slice(0, 12), owners);
    const before = inside.length;
    void enter('honest/app');
    await pass(2250);
    assert.ok(inside.slice(before).includes('honest/app'), inside.slice(before).join());
  });

  test('are kept beyond a turn against whoever had more, or has as many already', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const turns = await Promise.all(['a/1', 'a/2', 'b/1', 'c/1'].map((name) => enter(name)));
    void enter('a/3');
    void enter('b/2');
    const gone = new AbortController();
    void enter('d/1', gone.signal).catch(() => {});
    gone.abort();
    await pass(10_000);
    assert.deepEqual(
      turns.map(({ over }) => over.aborted),
      [false, false, false, false],
    );
  });
});
