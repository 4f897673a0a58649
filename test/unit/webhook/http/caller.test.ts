// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Caller } from '../../../../webhook/http/caller.ts';

test('who asks before the caller leaves is told when', () => {
  const caller = new Caller();
  const { signal } = caller;
  assert.equal(signal.aborted, false);
  assert.equal(caller.signal, signal);
  caller.leave();
  assert.equal(signal.aborted, true);
});

test('who asks after that is told at once', () => {
  const caller = new Caller();
  caller.leave();
  assert.equal(caller.signal.aborted, true);
});
