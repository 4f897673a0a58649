// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference, quote } from '../../../../core/image/reference.ts';

test('a quoted text has no control, line-separating or direction-turning character', () => {
  assert.equal(quote('a\n\u001b[2K"b"'), String.raw`"a\n\u001b[2K\"b\""`);
  assert.equal(quote('a\u007f\u0085\u2028\u202eb'), String.raw`"a\u007f\u0085\u2028\u202eb"`);
  assert.equal(quote('a\u200b\u{e0041}b'), String.raw`"a\u200b\udb40\udc41b"`);
});

test('letters of other scripts are quoted as they are', () => {
  assert.equal(quote('é日本'), '"é日本"');
});

test('a long text is quoted in part', () => {
  assert.equal(quote('a'.repeat(200)), `"${'a'.repeat(200)}"`);
  assert.equal(quote('a'.repeat(201)), `"${'a'.repeat(200)}…"`);
});

test('a refused reference does not turn its own message around', () => {
  assert.throws(
    () => parseReference('nginx:\u202etxt'),
    ({ message }: Error) => !message.includes('\u202e'),
  );
});
