// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { comparePatterns, parsePattern } from '../../../../core/image/pattern.ts';

test('patterns that differ in their digest only have an order', () => {
  const [a, b] = ['a', 'b'].map((digit) => parsePattern(`ghcr.io/acme/app@sha256:${digit.repeat(64)}`));
  assert.ok(a && b);
  assert.deepEqual([comparePatterns(a, b), comparePatterns(b, a), comparePatterns(a, a)], [-1, 1, 0]);
});
