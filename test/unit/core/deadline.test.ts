// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { orAborted, withinDeadline } from '../../../core/deadline.ts';

const expired = { code: 'DeadlineExceeded', message: 'the decision was not reached in time' };

test('what is done in time settles as it does, and leaves nothing behind', async () => {
  const { signal } = new AbortController();
  assert.equal(await withinDeadline(Promise.resolve(1), signal), 1);
  await assert.rejects(withinDeadline(Promise.reject(new RangeError('own')), signal), RangeError);
  await new Promise(setImmediate);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('what is not done when the signal aborts fails then', async () => {
  const controller = new AbortController();
  const work = withinDeadline(new Promise(() => {}), controller.signal);
  controller.abort();
  await assert.rejects(work, expired);
});

test('after the deadline even what is done fails, and a failure nobody waits for ends nothing', async () => {
  const signal = AbortSignal.abort();
  await assert.rejects(withinDeadline(Promise.resolve(1), signal), expired);
  await assert.rejects(withinDeadline(Promise.reject(new Error('unheard')), signal), expired);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  await new Promise(setImmediate);
});

test('what is done too late goes to who closes it, and a failure to nobody', async () => {
  const controller = new AbortController();
  const late: string[] = [];
  const work = Promise.withResolvers<string>();
  const failing = Promise.withResolvers<string>();
  const race = (raced: Promise<string>) =>
    orAborted(
      raced,
      controller.signal,
      () => 'nothing',
      (value) => late.push(value),
    );
  const [first, second, inTime] = [race(work.promise), race(failing.promise), race(Promise.resolve('value'))];
  assert.equal(await inTime, 'value');
  controller.abort();
  assert.deepEqual([await first, await second], ['nothing', 'nothing']);
  work.resolve('late');
  failing.reject(new Error('unheard'));
  await new Promise(setImmediate);
  assert.deepEqual(late, ['late']);
});
