// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimOf, comparePatterns, matchesPattern, parsePattern } from '../../../../core/image/pattern.ts';
import { parseReference } from '../../../../core/image/reference.ts';

function claims(text: string, image: string): boolean {
  const claim = claimOf(text);
  return claim !== undefined && matchesPattern(claim, parseReference(image));
}

test('a slash after a short name of docker.io gives up neither the image nor what is below it', () => {
  for (const text of ['nginx/', 'docker.io/nginx/', 'index.docker.io/nginx/', 'DOCKER.IO/nginx/', 'ngin*/']) {
    assert.ok(claims(text, 'nginx'), text);
    assert.ok(claims(text, 'docker.io/nginx/unit'), text);
    assert.ok(!claims(text, 'ghcr.io/library/nginx'), text);
    assert.ok(!claims(text, 'redis'), text);
  }
});

test('a slash after a host or a longer name is all below it', () => {
  for (const [text, canonical] of [
    ['ghcr.io/', 'ghcr.io/**'],
    ['localhost/', 'localhost/**'],
    ['docker.io/', 'docker.io/**'],
    ['acme/app/', 'docker.io/acme/app/**'],
    ['ghcr.io/app/', 'ghcr.io/app/**'],
    ['**/', '**'],
  ] as const) {
    assert.equal(claimOf(text)?.canonical, canonical, text);
  }
});

test('of nothing there is no claim', () => {
  for (const text of ['', ' ', ':1.0', '@sha256:00', 'https://']) assert.equal(claimOf(text), undefined, text);
});

test('patterns that differ in their digest only have an order', () => {
  const [a, b] = ['a', 'b'].map((digit) => parsePattern(`ghcr.io/acme/app@sha256:${digit.repeat(64)}`));
  assert.ok(a && b);
  assert.deepEqual([comparePatterns(a, b), comparePatterns(b, a), comparePatterns(a, a)], [-1, 1, 0]);
});
