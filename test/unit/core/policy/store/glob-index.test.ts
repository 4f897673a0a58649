// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { getGlob, matchingGlobs, setGlob } from '../../../../../core/policy/store/glob-index.ts';
import type { GlobIndex } from '../../../../../core/policy/store/glob-index.ts';

/** Two letters only, so that most globs match something; with a `*` in it at least once. */
const anyGlob = fc
  .array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 6 })
  .map((characters) => characters.join(''))
  .filter((glob) => glob.includes('*'));
const anyText = fc.array(fc.constantFrom('a', 'b'), { maxLength: 6 }).map((characters) => characters.join(''));
/** More than are looked at one by one. */
const manyGlobs = fc.uniqueArray(anyGlob, { minLength: 20, maxLength: 60 });

function indexOf(globs: readonly string[]): GlobIndex<number> {
  const index: GlobIndex<number> = new Map();
  for (const [target, glob] of globs.entries()) setGlob(index, glob, target);
  return index;
}

/** By the language's own regular expressions: what is asked must not answer itself. */
function matches(glob: string, text: string): boolean {
  return new RegExp(`^${glob.replaceAll('*', '.*')}$`).test(text);
}

const found = (index: GlobIndex<number>, text: string): readonly string[] =>
  matchingGlobs(index, text, { left: Infinity })
    .map(({ segment }) => segment)
    .toSorted();

describe('the index of globs', () => {
  test('finds all that match and no other, however many there are', () => {
    fc.assert(
      fc.property(manyGlobs, anyText, (globs, text) => {
        assert.deepEqual(found(indexOf(globs), text), globs.filter((glob) => matches(glob, text)).toSorted());
      }),
      { numRuns: 500 },
    );
  });

  test('finds what has neither a fixed start nor a fixed end among many', () => {
    const starts = Array.from({ length: 20 }, (_, team) => `team-${String(team).padStart(2, '0')}-*`);
    const index = indexOf(['*middle*', '*-end', 'team-*-end', ...starts]);
    assert.deepEqual(found(index, 'team-07-middle-end'), ['*-end', '*middle*', 'team-*-end', 'team-07-*']);
    assert.deepEqual(found(index, 'other'), []);
  });

  test('gives back what was set, by its text', () => {
    const globs = ['a*', 'a*b', '*a', '*', '*a*', 'ab*'];
    const index = indexOf(globs);
    for (const [target, glob] of globs.entries()) assert.equal(getGlob(index, glob), target);
    assert.equal(getGlob(index, 'b*'), undefined);
  });

  test('is empty once all are taken out, and changes no bucket that a copy shares', () => {
    fc.assert(
      fc.property(manyGlobs, anyText, (globs, text) => {
        const index = indexOf(globs);
        const before: GlobIndex<number> = new Map(index);
        for (const glob of globs) setGlob(index, glob, undefined);
        assert.equal(index.size, 0);
        assert.deepEqual(found(before, text), globs.filter((glob) => matches(glob, text)).toSorted());
      }),
    );
  });
});
