// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { claimsOf } from '../../../../core/image/claim.ts';
import {
  PatternError,
  comparePatterns,
  mayOverlap,
  parsePattern,
  parsePatterns,
} from '../../../../core/image/pattern.ts';
import { parseReference } from '../../../../core/image/reference.ts';
import { anyPattern, anyReference } from './arbitraries.ts';
import { matchesByDefinition } from './definition.ts';

const A = `sha256:${'a'.repeat(64)}`;

describe('parsePattern', () => {
  const meanings: readonly (readonly [string, string])[] = [
    ['nginx', 'docker.io/library/nginx'],
    ['docker.io/nginx', 'docker.io/library/nginx'],
    ['index.docker.io/nginx', 'docker.io/library/nginx'],
    ['*', 'docker.io/library/*'],
    ['docker.io/*', 'docker.io/library/*'],
    ['acme/*', 'docker.io/acme/*'],
    ['*/*', 'docker.io/*/*'],
    ['docker.io/**', 'docker.io/**'],
    ['acme/**', 'docker.io/acme/**'],
    ['**', '**'],
    ['**/app', '**/app'],
    ['**/**/app/**/**', '**/app/**'],
    ['library/**', 'docker.io/library/**'],
    ['registry-1.docker.io/**', 'docker.io/**'],
    ['registry.hub.docker.com/nginx', 'docker.io/library/nginx'],
    ['registry.example.com:0443/x', 'registry.example.com/x'],
    ['*.example.com:443/x', '*.example.com/x'],
    ['[0:0::1]:5000/x', '[::1]:5000/x'],
    ['*.example.com/x/*', '*.example.com/x/*'],
    ['Registry.Example.com:5000/x', 'registry.example.com:5000/x'],
    ['localhost/x', 'localhost/x'],
    ['[::1]:5000/x', '[::1]:5000/x'],
    ['UPPER/x', 'UPPER/x'],
    [`nginx@${A}`, `docker.io/library/nginx@${A}`],
    [`ghcr.io/acme/*@${A}`, `ghcr.io/acme/*@${A}`],
  ];
  for (const [written, canonical] of meanings) {
    test(`reads ${written} as ${canonical}`, () => {
      const pattern = parsePattern(written);
      assert.equal(pattern.canonical, canonical);
      assert.equal(pattern.source, written);
    });
  }

  test('reads its own canonical form as the same pattern', () => {
    fc.assert(
      fc.property(anyPattern, (text) => {
        const pattern = parsePattern(text);
        const again = parsePattern(pattern.canonical);
        assert.deepEqual({ ...again, source: text }, pattern);
      }),
    );
  });

  const faults: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['nginx:1.27', /tag.*next to a digest \(write "nginx", or/],
    ['*:*', /tag.*\(write "\*\*", or/],
    ['ghcr.io/acme/*:v*', /tag/],
    ['localhost:5000', /tag/],
    [`nginx:1@${A}`, /tag/],
    ['nginx@sha256:abc', /whole digest/],
    ['nginx@sha512:abc', /whole digest/],
    ['https://ghcr.io/acme/*', /no scheme/],
    ['ghcr.io/acme/', /segment is empty.*\/\*\*/],
    ['ghcr.io//app', /segment is empty/],
    ['ghcr.io/Acme/*', /lower case/],
    ['ghcr.io/acme/a**b', /segment of its own/],
    ['**.example.com/x', /segment of its own/],
    ['ghcr.io/acme/.*', /no valid repository/],
    ['ghcr.io/{a,b}/*', /no valid repository/],
    ['ghcr.io/a../*', /no valid repository/],
    ['a_b.io/*', /no valid host/],
    ['*..io/*', /no valid host/],
    ['ghcr.io /x', /white space/],
    ['*:443/x', /leaving it out/],
    ['registry*:4*/x', /leaving it out/],
    ['ghcr.io/x\n', /white space/],
    ['Docker.io/nginx', /docker\.io in lower case/],
    ['gh\u0441r.io/x', /no valid host/],
    ['\u212aubernetes.io/x', /no valid host/],
    ['a'.repeat(64), /64 hexadecimal/],
    [`ghcr.io/${'a'.repeat(256)}`, /that long/],
    [`ghcr.io/${'a*'.repeat(300)}`, /longer than 512/],
  ];
  for (const [text, message] of faults) {
    test(`says what is wrong with ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(
        () => parsePattern(text),
        (error) => error instanceof PatternError && message.test(error.message),
      );
    });
  }
});

describe('parsePatterns', () => {
  for (const [text, canonicals] of [
    ['ghcr.io/x', ['ghcr.io/x']],
    ['ghcr.io:*/x', ['ghcr.io:*/x', 'ghcr.io/x']],
    ['docker.io:*/nginx', ['docker.io:*/nginx', 'docker.io/library/nginx']],
    ['index.docker.io:*/**', ['index.docker.io:*/**', 'docker.io/**']],
    ['127.1:*/x', ['127.1:*/x', '127.0.0.1/x']],
    ['ghcr.io:4*/x', ['ghcr.io:4*/x', 'ghcr.io/x']],
    ['ghcr.io:5*/x', ['ghcr.io:5*/x']],
    [`ghcr.io:*/x@${A}`, [`ghcr.io:*/x@${A}`, `ghcr.io/x@${A}`]],
  ] as const) {
    test(`${text} with a port that may be the default is also the host without one`, () => {
      assert.deepEqual(
        parsePatterns(text).map(({ canonical }) => canonical),
        canonicals,
      );
    });
  }
});

describe('comparePatterns', () => {
  test('puts the most specific first', () => {
    const ordered = [
      `**@${A}`,
      'docker.io/library/nginx',
      'ghcr.io/acme/app',
      'ghcr.io/acme/app-*-x',
      'ghcr.io/acme/app-*',
      'ghcr.io/acme/*',
      'ghcr.io/acme',
      'ghcr.io/acme/**',
      'ghcr.io/*/app',
      'ghcr.io/**/app',
      'ghcr.io/**',
      '*.example.com/x',
      '*.io/acme/app',
      '**/acme/app',
      '**',
    ].map(parsePattern);
    const shuffled = ordered.toSorted((a, b) => (a.canonical < b.canonical ? -1 : 1));
    assert.deepEqual(
      shuffled.toSorted(comparePatterns).map((pattern) => pattern.canonical),
      ordered.map((pattern) => pattern.canonical),
    );
  });

  test('is a total order: antisymmetric, transitive, and 0 only for one canonical pattern', () => {
    const patterns = anyPattern.map(parsePattern);
    fc.assert(
      fc.property(patterns, patterns, patterns, (a, b, c) => {
        const ab = Math.sign(comparePatterns(a, b));
        assert.equal(ab + Math.sign(comparePatterns(b, a)), 0);
        assert.equal(ab === 0, a.canonical === b.canonical);
        if (ab <= 0 && comparePatterns(b, c) <= 0) assert.ok(comparePatterns(a, c) <= 0);
      }),
      { numRuns: 3000 },
    );
  });
});

test('patterns that match one image may overlap, whatever else is said of them', () => {
  fc.assert(
    fc.property(fc.array(anyPattern, { minLength: 8, maxLength: 8 }), anyReference, (texts, image) => {
      const { digest: _any, ...reference } = parseReference(image);
      const matching = texts
        .flatMap(claimsOf)
        .filter(({ digest: _exact, ...pattern }) => matchesByDefinition(pattern, reference));
      for (const one of matching) for (const other of matching) assert.ok(mayOverlap(one, other));
    }),
    { numRuns: 1000 },
  );
});

for (const [one, other] of [
  ['ghcr.io/acme/app', 'ghcr.io/acme/web'],
  ['ghcr.io/acme/*', 'quay.io/acme/app'],
  ['ghcr.io/*/app', 'ghcr.io/acme/web'],
  ['ghcr.io/acme', 'ghcr.io/acme/app'],
] as const) {
  test(`${one} and ${other} share no image`, () => {
    assert.equal(mayOverlap(parsePattern(one), parsePattern(other)), false);
    assert.equal(mayOverlap(parsePattern(other), parsePattern(one)), false);
  });
}

test('patterns that differ in their digest only have an order', () => {
  const [a, b] = ['a', 'b'].map((digit) => parsePattern(`ghcr.io/acme/app@sha256:${digit.repeat(64)}`));
  assert.ok(a && b);
  assert.deepEqual([comparePatterns(a, b), comparePatterns(b, a), comparePatterns(a, a)], [-1, 1, 0]);
});
