// SPDX-License-Identifier: Apache-2.0
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { exactText, textPattern } from '../../../../../../core/policy/signers/common/text-matcher.ts';
import { processorTime } from '../../../../../fakes/processor-time.ts';

test('an exact text is no pattern', () => {
  const matcher = exactText('a.c');
  assert.ok(matcher.matches('a.c'));
  assert.ok(!matcher.matches('abc'));
  assert.equal(matcher.source, 'a.c');
});

test('a pattern matches the whole text, each branch of it', () => {
  const matcher = textPattern('ab|cd');
  assert.equal(matcher.source, '/ab|cd/');
  assert.ok(matcher.matches('ab') && matcher.matches('cd'));
  for (const text of ['abd', 'acd', 'xab', 'cdx', 'ab\n', '\nab', ''])
    assert.ok(!matcher.matches(text), JSON.stringify(text));
});

test('a pattern that makes a backtracking engine hang answers at once', () => {
  const started = processorTime();
  assert.ok(!textPattern('(a+)+b').matches('a'.repeat(5000)));
  assert.ok(!textPattern('(.*)*x(.*)*y').matches('x'.repeat(5000)));
  assert.ok(processorTime() - started < 1000);
});

test('what RE2 does not have is refused with a sentence', () => {
  for (const pattern of ['(', '(a)\\1', '[z-a]']) {
    assert.throws(() => textPattern(pattern), /not a regular expression in RE2 syntax/, pattern);
  }
});
