// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createListeners } from '../../../core/listeners.ts';

describe('listeners', () => {
  test('hear all news from when they came, in their order', () => {
    const { listen, tell } = createListeners<string>();
    const heard: string[] = [];
    tell('before');
    listen((news) => heard.push(`first: ${news}`));
    tell('one');
    listen((news) => heard.push(`second: ${news}`));
    tell('two');
    assert.deepEqual(heard, ['first: one', 'first: two', 'second: two']);
  });
});
