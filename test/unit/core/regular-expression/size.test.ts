// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { compilePattern } from '../../../../core/regular-expression/pattern.ts';
import { patternSize } from '../../../../core/regular-expression/size.ts';

const ATOMS = [
  'a',
  'b',
  'é',
  '😀',
  '.',
  '^',
  '$',
  '\\b',
  '\\d',
  '\\(',
  '\\{',
  '\\x{41}',
  '\\101',
  '\\pL',
  '\\p{Greek}',
];
const CLASSES = ['[a-z]', '[^a]', '[]a]', '[[:alpha:]]', '[(]', '[a{9}]', '[\\]a]'];
const GROUPS = ['(', ')', '(?:', '(?i)', '(?i:', '(?P<n>', '(?<m>', '|', '\\Q', '\\E', '\\Qa(b{3}\\E'];
const REPETITIONS = ['*', '+', '?', '{2}', '{0,3}', '{3,}', '{12}', '{,3}', '{01}', '{', '}', ']'];
const parts = fc.constantFrom(...ATOMS, ...CLASSES, ...GROUPS, ...REPETITIONS);

test('no program that RE2 makes of a pattern is larger than was counted on its text', () => {
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 14 }), (chosen) => {
      const pattern = chosen.join('');
      const counted = patternSize(pattern);
      if (counted > 5000) return;
      let program: RE2JS;
      try {
        program = RE2JS.compile(pattern);
      } catch {
        return;
      }
      assert.ok(program.programSize() <= counted, `${pattern}: ${program.programSize()} steps, ${counted} counted`);
    }),
    { numRuns: 5000 },
  );
});

describe('a pattern whose program would be too large is refused before it is compiled', () => {
  const hostile: readonly string[] = [
    '(a?){1000}',
    '(a?){1000}'.repeat(100),
    '\\pL{1000}'.repeat(113),
    '.{1000}'.repeat(146),
    '((((a{10}){10}){10}))'.repeat(40),
    '(((a{100}){100}){100}){100}',
    '(?i:k{1000})'.repeat(80),
    '(?i)' + '\\p{L}'.repeat(300),
    'a{1001}',
    '\\p{'.repeat(20_000),
    `[[:${'[:'.repeat(30_000)}`,
  ];
  for (const pattern of hostile) {
    test(pattern.slice(0, 40), () => {
      assert.throws(() => compilePattern(pattern), /too large: \d+ steps, of at most 1000/);
    });
  }
});

test('patterns as people write them are small', () => {
  const honest: Readonly<Record<string, string>> = {
    'https://github\\.com/acme/[^/]+/\\.github/workflows/release\\.yml@refs/tags/v.*':
      'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.2.3',
    '(?i)[a-z0-9._%+-]+@(acme|example)\\.test': 'Ann@Acme.test',
    '[0-9a-f]{64}': 'ab'.repeat(32),
    'v[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}(-rc\\.[0-9]{1,2})?': 'v1.20.3-rc.1',
    '\\p{Lu}\\p{L}{1,40}': 'Österreich',
  };
  for (const [pattern, text] of Object.entries(honest)) {
    assert.equal(compilePattern(pattern).matchesAll(text), true, pattern);
    assert.equal(compilePattern(pattern).matchesAll(`${text}!`), pattern.endsWith('.*'), pattern);
  }
});
