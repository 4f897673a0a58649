// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileGlob, globMatches, literalCharacters } from '../../../../core/image/glob.ts';
import { processorTime } from '../../../fakes/processor-time.ts';

/** The textbook definition, by recursion: slow and plainly right. */
function reference(glob: string, text: string): boolean {
  if (glob === '') return text === '';
  if (glob.startsWith('*')) return reference(glob.slice(1), text) || (text !== '' && reference(glob, text.slice(1)));
  return text !== '' && glob[0] === text[0] && reference(glob.slice(1), text.slice(1));
}

describe('globMatches', () => {
  test('agrees with the definition', () => {
    const letters = fc.stringMatching(/^[ab]{0,8}$/);
    const globs = fc.stringMatching(/^[ab*]{0,6}$/);
    fc.assert(
      fc.property(globs, letters, (glob, text) => {
        assert.equal(globMatches(compileGlob(`${glob}*`), text), reference(`${glob}*`, text));
        assert.equal(globMatches(compileGlob(`a*${glob}`), text), reference(`a*${glob}`, text));
      }),
      { numRuns: 2000 },
    );
  });

  test('does not count one character for two pieces', () => {
    assert.equal(globMatches(compileGlob('ab*ba'), 'aba'), false);
    assert.equal(globMatches(compileGlob('a*b*b'), 'ab'), false);
  });

  test('answers what makes a backtracking matcher hang at once', () => {
    const started = processorTime();
    assert.equal(globMatches(compileGlob(`${'*a'.repeat(250)}*b`), 'a'.repeat(5000)), false);
    assert.ok(processorTime() - started < 100);
  });

  test('literalCharacters counts all but the stars', () => assert.equal(literalCharacters('a*bc*'), 3));
});
