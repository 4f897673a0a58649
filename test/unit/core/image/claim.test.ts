// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { claimsOf } from '../../../../core/image/claim.ts';
import { parsePattern } from '../../../../core/image/pattern.ts';
import { parseReference } from '../../../../core/image/reference.ts';
import { anyPattern, anyReference } from './arbitraries.ts';
import { matchesByDefinition } from './definition.ts';

const A = `sha256:${'a'.repeat(64)}`;

function claims(text: string, image: string): boolean {
  return claimsOf(text).some((claim) => matchesByDefinition(claim, parseReference(image)));
}

describe('a pattern that cannot be read', () => {
  const CLAIMS: readonly (readonly [string, readonly string[]])[] = [
    ['nginx', ['docker.io/library/nginx']],
    ['nginx:latest', ['docker.io/library/nginx']],
    ['Registry.example.com:443', ['docker.io/library/registry.example.com', 'registry.example.com/** from there on']],
    ['10.1:5000', ['docker.io/library/10.1', '10.0.0.1:5000/** from there on']],
    ['index.docker.io:443', ['docker.io/library/index.docker.io', 'docker.io/** from there on']],
    ['nginx:1', ['docker.io/library/nginx', 'nginx:1/** from there on']],
    [
      'registry.example.com:*',
      [
        'docker.io/library/registry.example.com',
        'registry.example.com:*/** from there on',
        'registry.example.com/** from there on',
      ],
    ],
    ['localhost:5000', ['docker.io/library/localhost', 'localhost:5000/** from there on']],
    [`nginx:v1@${A}`, ['docker.io/library/nginx any digest']],
    ['ghcr.io/acme/app@sha256:short', ['ghcr.io/acme/app any digest']],
    ['ghcr.io/acme/*:v*', ['ghcr.io/acme/*']],
    ['registry.*:4*3/acme/app', ['registry.*/acme/app']],
    ['*:0*/acme/app', ['*/acme/app']],
    ['*:443/acme/', ['*/acme/** from there on']],
    ['https://ghcr.io/acme/*', ['ghcr.io/acme/*']],
    [' ghcr.io/acme/* ', ['ghcr.io/acme/*']],
    ['ghcr.io/Acme/App', ['ghcr.io/acme/app']],
    ['ghcr.io/Acme/**:v1', ['ghcr.io/acme/**']],
    ['Nginx', ['docker.io/library/nginx']],
    ['Acme/App', ['ACME/app']],
    ['UPPER/x:v1', ['UPPER/x']],
    ['Docker.io/nginx', ['docker.io/library/nginx']],
    ['ghcr.io/', ['ghcr.io/** from there on']],
    ['acme/app/', ['docker.io/acme/app/** from there on']],
    ['nginx/', ['docker.io/nginx/** from there on', 'docker.io/library/nginx']],
    ['ghcr.io//acme', ['ghcr.io/** from there on']],
    ['ghcr.io/acme/.*', ['ghcr.io/acme/** from there on']],
    ['ghcr.io/acme/{app,web}', ['ghcr.io/acme/** from there on']],
    ['ghcr.io/{acme,corp}/app', ['ghcr.io/** from there on']],
    ['ghcr.io/acme/app?', ['ghcr.io/acme/** from there on']],
    ['ghcr.io/acme/[a-z]*', ['ghcr.io/acme/** from there on']],
    ['ghcr.io/acme/(app|web)', ['ghcr.io/acme/** from there on']],
    ['ghcr.io/acme/app$', ['ghcr.io/acme/** from there on']],
    ['ghcr.io/acme**', ['ghcr.io/** from there on']],
    ['ghcr.io/a b/c', ['ghcr.io/** from there on']],
    ['acme/app?', ['docker.io/acme/** from there on']],
    // The host, or what may have been one.
    ['^ghcr.io/acme/app', ['** from there on']],
    ['${REGISTRY}/acme/**', ['** from there on']],
    ['$registry/acme/**', ['** from there on']],
    ['ghcr.io\\acme\\app', ['** from there on']],
    ['**.example.com/x', ['** from there on']],
    ['(ghcr|quay).io/acme', ['** from there on']],
    ['***', ['** from there on']],
    ['\u212aeg.io/x', ['** from there on']],
    ['/', ['** from there on']],
    // No repository at all.
    [':tag', ['** from there on']],
    ['https://', ['** from there on']],
    [`@${A}`, ['** any digest']],
    ['@', ['** any digest']],
    // Nothing was written.
    ['', []],
    [' ', []],
  ];
  for (const [text, expected] of CLAIMS) {
    test(`${JSON.stringify(text)} claims ${expected.join(' and ') || 'nothing'}`, () => {
      const words = { path: ' from there on', digest: ' any digest' };
      assert.deepEqual(
        claimsOf(text).map(({ canonical, unreadable }) => canonical + (unreadable ? words[unreadable] : '')),
        expected,
      );
    });
  }

  test('claims the images that were meant, at any depth, and no other host', () => {
    for (const text of ['ghcr.io/acme/.*', 'ghcr.io/acme/{app,web}', 'ghcr.io/acme/app?']) {
      for (const image of ['ghcr.io/acme/app:1', 'ghcr.io/acme/app/web', `ghcr.io:443/acme/app@${A}`]) {
        assert.ok(claims(text, image), `${text} ${image}`);
      }
      for (const image of ['ghcr.io/other/app', 'quay.io/acme/app'])
        assert.ok(!claims(text, image), `${text} ${image}`);
    }
  });

  test('with a slash after a short name gives up neither the image nor what is below it', () => {
    for (const text of ['nginx/', 'docker.io/nginx/', 'index.docker.io/nginx/', 'DOCKER.IO/nginx/', 'ngin*/']) {
      assert.ok(claims(text, 'nginx'), text);
      assert.ok(claims(text, 'docker.io/nginx/unit'), text);
      assert.ok(!claims(text, 'ghcr.io/library/nginx'), text);
      assert.ok(!claims(text, 'redis'), text);
    }
  });
});

test('a slip in a pattern never gives up an image that the pattern without it claims', () => {
  const slips = fc.constantFrom(
    (text: string) => `${text}:1.2`,
    (text: string) => `${text}@sha256:00`,
    (text: string) => `https://${text}`,
    (text: string) => ` ${text}`,
    (text: string) => `${text}/`,
    (text: string) => `^${text}`,
    (text: string) => `${text}$`,
    (text: string) => text.replace(/(?=[^/]*$)/, '('),
    (text: string) => text.replace(/[a-z](?=[^/]*$)/, (letter) => letter.toUpperCase()),
    (text: string) => text.replace('/*', '/.*'),
    (text: string) => text.replaceAll('a', '{a,c}'),
  );
  const patterns = anyPattern.filter((text) => !text.includes('@'));
  fc.assert(
    fc.property(patterns, anyReference, slips, (text, image, slip) => {
      const reference = parseReference(image);
      fc.pre(matchesByDefinition(parsePattern(text), reference));
      assert.ok(claims(slip(text), image), slip(text));
    }),
    { numRuns: 2000 },
  );
});

test('never throws, and what is claimed is a pattern', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[aA0._:/@*[\]-]{0,30}$/)), (text) => {
      for (const { canonical } of claimsOf(text)) assert.equal(parsePattern(canonical).canonical, canonical);
    }),
    { numRuns: 3000 },
  );
});
