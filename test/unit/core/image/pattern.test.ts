// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { claimsOf } from '../../../../core/image/claim.ts';
import {
  PatternError,
  comparePatterns,
  matchesPattern,
  mayOverlap,
  parsePattern,
  parsePatterns,
} from '../../../../core/image/pattern.ts';
import { hostIdentity } from '../../../../core/image/host.ts';
import { parseReference, repositoryName } from '../../../../core/image/reference.ts';
import { anyPattern, anyReference } from './arbitraries.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

function matches(pattern: string, image: string): boolean {
  return matchesPattern(parsePattern(pattern), parseReference(image));
}

/** The definition in the policy's words, by recursion over segments. */
function definition(segments: readonly string[], texts: readonly string[], first = true): boolean {
  const [segment, ...rest] = segments;
  if (segment === undefined) return texts.length === 0;
  if (segment === '**') {
    const fewest = first ? 1 : 0;
    return (
      texts.length >= fewest &&
      texts.concat('').some((_, skip) => skip >= fewest && definition(rest, texts.slice(skip), false))
    );
  }
  const expression = new RegExp(`^${segment.replace(/[.[\]]/g, '\\$&').replaceAll('*', '.*')}$`);
  return texts.length > 0 && expression.test(texts[0] ?? '') && definition(rest, texts.slice(1), false);
}

/** Asserts that pattern and image match exactly where the definition says so. */
function agree(patternText: string, image: string): boolean {
  const pattern = parsePattern(patternText);
  const reference = parseReference(image);
  const expected =
    (pattern.digest === undefined || pattern.digest === reference.digest) &&
    definition(pattern.segments, [hostIdentity(reference.registry), ...reference.path.split('/')]);
  assert.equal(matchesPattern(pattern, reference), expected, `${patternText} and ${image}`);
  return expected;
}

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
    ['nginx:1.27', /tag.*text of the writer's choice \(write "nginx"/],
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

describe('matchesPattern', () => {
  const yes: readonly (readonly [string, string])[] = [
    ['**', 'nginx'],
    ['**', 'localhost:5000/a/b/c'],
    ['*', 'nginx'],
    ['nginx', 'index.docker.io/library/nginx:1.27'],
    ['docker.io/**', 'nginx'],
    ['docker.io/**', 'acme/app'],
    ['ghcr.io/acme/**', 'ghcr.io/acme'],
    ['ghcr.io/acme/**', 'ghcr.io/acme/a/b/c'],
    ['ghcr.io/**/app', 'ghcr.io/app'],
    ['ghcr.io/**/app', 'ghcr.io/a/b/app'],
    ['**/app', 'docker.io/acme/app'],
    ['*.example.com/x/*', 'eu.registry.example.com/x/y'],
    ['registry.example.com/*', 'REGISTRY.example.COM/x'],
    ['registry.example.com:5000/x', 'registry.example.com:5000/x@sha256:'.concat('a'.repeat(64))],
    [`nginx@${A}`, `nginx:1@${A}`],
    // One host, however it is written.
    ['registry.example.com:443/*', 'registry.example.com/x'],
    ['registry.example.com/*', 'registry.example.com:443/x'],
    ['registry.example.com/*', 'registry.example.com:0443/x'],
    ['docker.io/**', 'registry-1.docker.io/library/nginx'],
    ['docker.io/library/nginx', 'registry-1.docker.io/nginx'],
    ['docker.io/library/nginx', 'registry.hub.docker.com/library/nginx'],
    ['docker.io/acme/*', 'Registry.Hub.Docker.com:443/acme/app'],
    ['[::1]/x', '[0:0:0:0:0:0:0:1]:443/x'],
    ['127.0.0.1/x', '127.1/x'],
  ];
  for (const [pattern, image] of yes) test(`${pattern} takes ${image}`, () => assert.ok(matches(pattern, image)));

  const no: readonly (readonly [string, string])[] = [
    ['*', 'acme/app'],
    ['*/*', 'ghcr.io/acme/app'],
    ['docker.io/*', 'acme/app'],
    ['ghcr.io/acme/*', 'ghcr.io/acme'],
    ['ghcr.io/acme/*', 'ghcr.io/acme/a/b'],
    ['ghcr.io/acme/**', 'ghcr.io/acme-evil/app'],
    ['**/registry.example.com/x', 'registry.example.com/x'],
    [`nginx@${A}`, 'nginx'],
    [`nginx@${A}`, `nginx@${B}`],
    // Look-alikes of a host that is trusted.
    ['registry.example.com/*', 'evil.io/registry.example.com/x'],
    ['registry.example.com/*', 'registry.example.com.evil.io/x'],
    ['registry.example.com/*', 'evil-registry.example.com/x'],
    ['registry.example.com/*', 'registryxexample.com/x'],
    ['registry.example.com/*', 'registry.example.com:5000/x'],
    ['registry.example.com:80/*', 'registry.example.com/x'],
    ['registry.example.com/x', 'registry.example.com/x/y'],
    ['library/**', 'acme/app'],
    ['registry.example.com/x', 'evil.io/x/registry.example.com/x'],
    ['*.example.com/x/*', 'evil.io/a.example.com/x/y'],
    ['*.example.com/x/*', 'a.example.com.evil.io/x/y'],
    ['*.example.com/x/*', 'evilexample.com/x/y'],
    ['*.example.com/*', 'a.example.com:5000/x'],
    ['localhost/*', 'localhost:5000/x'],
    ['acme/*', 'evil.io/acme/app'],
    ['nginx', 'evil.io/library/nginx'],
  ];
  for (const [pattern, image] of no)
    test(`${pattern} leaves ${image}`, () => assert.equal(matches(pattern, image), false));

  test('agrees with the definition', () => {
    fc.assert(
      fc.property(anyPattern, anyReference, (pattern, image) => void agree(pattern, image)),
      { numRuns: 1000 },
    );
    let hits = 0;
    fc.assert(
      fc.property(anyReference, fc.array(fc.nat(5), { minLength: 5, maxLength: 5 }), (image, choices) => {
        // A pattern made from the image, so that many match.
        const name = repositoryName(parseReference(image));
        const segments = name.split('/').flatMap((segment, index) => {
          if (index === 0) return choices[index] === 0 ? ['**'] : [segment];
          return (
            [[segment], ['*'], ['**'], [], ['**', segment], [`${segment.slice(0, 1)}*`]][choices[index] ?? 0] ?? []
          );
        });
        fc.pre(segments.length > 1);
        if (agree(segments.join('/'), image)) hits += 1;
      }),
      { numRuns: 1000 },
    );
    assert.ok(hits > 300, `only ${hits} of the pairs matched`);
  });

  test('never looks at the tag', () => {
    fc.assert(
      fc.property(anyPattern, anyReference, fc.stringMatching(/^\w{1,5}$/), (patternText, image, tag) => {
        const pattern = parsePattern(patternText);
        const reference = parseReference(image);
        assert.equal(matchesPattern(pattern, { ...reference, tag }), matchesPattern(pattern, reference));
      }),
    );
  });

  test('answers many ** at once', () => {
    const pattern = parsePattern(`ghcr.io/${'**/a/'.repeat(60)}b`);
    const started = performance.now();
    assert.equal(matchesPattern(pattern, parseReference(`ghcr.io/${'a/'.repeat(100)}c`)), false);
    assert.ok(performance.now() - started < 100);
  });
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
        .filter(({ digest: _exact, ...pattern }) => matchesPattern(pattern, reference));
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
