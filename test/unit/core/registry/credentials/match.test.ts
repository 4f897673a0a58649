// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createMatcher } from '../../../../../core/registry/credentials/match.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

/** The keys that match, best first. */
function matching(keys: readonly string[], registry: string, path = 'team/app'): readonly string[] {
  const match = createMatcher(keys.map((key) => ({ key, credential: { username: key, password: 'x' } })));
  return match({ registry, path }).map(({ username }) => username);
}

describe('createMatcher', () => {
  const yes: readonly (readonly [key: string, registry: string, path?: string])[] = [
    ['registry.example.com', 'registry.example.com'],
    ['Registry.Example.com', 'registry.example.com'],
    ['https://registry.example.com', 'registry.example.com'],
    ['http://registry.example.com/', 'registry.example.com'],
    ['https://registry.example.com/v1/', 'registry.example.com'],
    ['https://registry.example.com/v2/', 'registry.example.com'],
    ['registry.example.com/v2', 'registry.example.com'],
    ['registry.example.com:5000', 'registry.example.com:5000'],
    ['registry.example.com/team', 'registry.example.com', 'team/app'],
    ['registry.example.com/team/app', 'registry.example.com', 'team/app'],
    ['*.example.com', 'registry.example.com'],
    ['*.*.com', 'registry.example.com'],
    ['reg*.example.com', 'registry.example.com'],
    ['*gistr?.example.com', 'registry.example.com'],
    ['*.example.com:5000/team', 'registry.example.com:5000', 'team/app'],
    ['https://index.docker.io/v1/', 'docker.io', 'library/nginx'],
    ['index.docker.io', 'docker.io', 'library/nginx'],
    ['docker.io', 'docker.io', 'library/nginx'],
    ['registry-1.docker.io', 'docker.io', 'library/nginx'],
    ['docker.io/library', 'docker.io', 'library/nginx'],
    ['[fd00::1]:5000', '[fd00::1]:5000'],
    // One host, however it is written.
    ['*.example.com', 'registry.example.com:443'],
    ['*.example.com:443', 'registry.example.com'],
    ['registry.example.com', 'registry.example.com:443'],
    ['registry.example.com:443', 'registry.example.com'],
    ['docker.io', 'registry.hub.docker.com', 'library/nginx'],
    ['[fd00:0::1]', '[fd00::1]:443'],
  ];
  for (const [key, registry, path] of yes) {
    test(`lets ${key} serve ${registry}/${path ?? 'team/app'}`, () => {
      assert.deepEqual(matching([key], registry, path), [key]);
    });
  }

  // Each of these would show a credential to somebody it is not meant for.
  const no: readonly (readonly [key: string, registry: string, path?: string])[] = [
    ['registry.example.com', 'registry.example.com.evil.io'],
    ['registry.example.com', 'evil-registry.example.com'],
    ['registry.example.com', 'example.com'],
    ['registry.example.com', 'registry.example.con'],
    ['registry.example.co', 'registry.example.com'],
    ['registry.example.com', 'registry.example.com:5000'],
    ['registry.example.com:5000', 'registry.example.com'],
    ['registry.example.com:5000', 'registry.example.com:50000'],
    ['*.example.com', 'example.com'],
    ['*.example.com', 'a.b.example.com'],
    ['*.example.com', 'registry.example.com.evil.io'],
    ['*.example.com', 'registry.example.com:80'],
    ['*', 'registry.example.com'],
    ['*.io', 'docker.io.evil'],
    ['registry?example.com', 'registry.example.com'],
    ['registry.example.com/team', 'registry.example.com', 'teammate/app'],
    ['registry.example.com/team/app', 'registry.example.com', 'team'],
    ['docker.io/library', 'docker.io', 'acme/nginx'],
    ['[fd00::1]', '[fd00::1]:5000'],
    ['', 'registry.example.com'],
    ['https://', 'registry.example.com'],
    ['evil.io/registry.example.com', 'registry.example.com'],
    ['registry.example.com@evil.io', 'registry.example.com'],
  ];
  for (const [key, registry, path] of no) {
    test(`keeps "${key}" from ${registry}/${path ?? 'team/app'}`, () => {
      assert.deepEqual(matching([key], registry, path), []);
    });
  }

  test('gives all that match, the longest path first and exact hosts before globs', () => {
    const keys = [
      '*.example.com',
      'registry.example.com',
      'other.io',
      '*.example.com/team',
      'registry.example.com/team/app',
    ];
    assert.deepEqual(matching(keys, 'registry.example.com'), [
      'registry.example.com/team/app',
      '*.example.com/team',
      'registry.example.com',
      '*.example.com',
    ]);
  });

  test('never lets a key without wildcards serve another host', () => {
    const host = fc.domain();
    fc.assert(
      fc.property(host, host, (key, registry) => {
        assert.equal(matching([key], registry).length, key === registry ? 1 : 0);
      }),
    );
  });

  test('ends soon on a label full of stars', () => {
    const started = processorTime();
    assert.deepEqual(matching([`${'*a'.repeat(2000)}*b.io`], `${'a'.repeat(2000)}.io`), []);
    assert.ok(processorTime() - started < 500);
  });
});
