// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText } from '../../../core/text.ts';

test('the text of an error is one line', () => {
  assert.equal(errorText(new Error('a\r\n  b\tc')), 'a b c');
});

test('the text of an error has no control or direction-turning characters', () => {
  assert.equal(errorText(new Error('a\0\u001b[31m\u007f\u0085\u202eb')), 'a??[31m???b');
});

test('the text of an error is cut, at a whole character', () => {
  assert.equal(errorText(new Error('a'.repeat(501))), 'a'.repeat(500));
  assert.ok(errorText(new Error(`${'a'.repeat(499)}\u{1f600}`)).isWellFormed());
});

test('an error without a message is called by its name, and anything else thrown by its text', () => {
  assert.equal(errorText(new TypeError()), 'TypeError');
  assert.equal(errorText('text'), 'text');
  assert.equal(errorText(undefined), 'undefined');
});
