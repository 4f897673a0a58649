// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parsePattern } from '../../../../../core/image/pattern.ts';
import { parseReference, repositoryName } from '../../../../../core/image/reference.ts';
import { anyPattern, anyReference } from '../../image/arbitraries.ts';
import { matchesByDefinition } from '../../image/definition.ts';
import { matchesPattern } from '../../../../fakes/one-pattern.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha256:${'b'.repeat(64)}`;

function matches(pattern: string, image: string): boolean {
  return matchesPattern(parsePattern(pattern), parseReference(image));
}

/** Asserts that pattern and image match exactly where the definition says so. */
function agree(patternText: string, image: string): boolean {
  const pattern = parsePattern(patternText);
  const reference = parseReference(image);
  const expected = matchesByDefinition(pattern, reference);
  assert.equal(matchesPattern(pattern, reference), expected, `${patternText} and ${image}`);
  return expected;
}

describe('one pattern', () => {
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
    const pattern = parsePattern(`ghcr.io/${'**/a/'.repeat(15)}b`);
    const started = processorTime();
    assert.equal(matchesPattern(pattern, parseReference(`ghcr.io/${'a/'.repeat(100)}c`)), false);
    assert.ok(processorTime() - started < 100);
  });
});
