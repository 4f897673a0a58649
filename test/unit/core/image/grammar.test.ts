// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileGlob, globMatches } from '../../../../core/image/glob.ts';
import { HOST, PATH_COMPONENT, canConform, conforms } from '../../../../core/image/grammar.ts';
import type { Grammar } from '../../../../core/image/grammar.ts';

/** The same grammars as distribution/reference writes them, in lower case. */
const LABEL = '(?:[a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])';
const EXPRESSIONS: readonly (readonly [string, Grammar, RegExp, readonly string[]])[] = [
  ['a path component', PATH_COMPONENT, /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/, ['a', 'z', '0', '.', '_', '-']],
  [
    'a host',
    HOST,
    new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-f0-9:]+\\])(?::[0-9]+)?$`),
    ['a', 'z', '0', '.', '-', ':', '[', ']'],
  ],
];

for (const [name, grammar, expression, alphabet] of EXPRESSIONS) {
  const text = fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 8 });

  describe(`the grammar of ${name}`, () => {
    test('is that of distribution/reference', () => {
      fc.assert(
        fc.property(text, (candidate) => assert.equal(conforms(grammar, candidate), expression.test(candidate))),
        { numRuns: 3000 },
      );
    });

    test('never says of a glob that a valid text matches that nothing valid does', () => {
      const valid = text.filter((candidate) => expression.test(candidate));
      const cuts = fc.array(fc.tuple(fc.nat(8), fc.nat(3)), { minLength: 1, maxLength: 2 });
      fc.assert(
        fc.property(valid, cuts, (candidate, places) => {
          let glob = candidate;
          for (const [at, length] of places) glob = `${glob.slice(0, at)}*${glob.slice(at + length)}`;
          if (globMatches(compileGlob(glob), candidate)) assert.ok(canConform(grammar, glob), glob);
        }),
        { numRuns: 1000 },
      );
    });
  });
}

test('a glob that no valid text matches is known as such', () => {
  for (const glob of ['.*', '*.', 'a..*', 'a*___*', '*_', '-*', 'A*', 'a *', '*é']) {
    assert.equal(canConform(PATH_COMPONENT, glob), false, glob);
  }
  for (const glob of ['*.', '.*', '*..*', '*_*', '[g*', '*]x', 'a*@*']) {
    assert.equal(canConform(HOST, glob), false, glob);
  }
});
