// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseRepository, repositoryName } from '../../../../../core/image/reference.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import { isSameRepository } from '../../../../../core/policy/compile/signed-identity.ts';
import { compiled, publicKeyPem } from '../../../../fakes/engine.ts';

type Demand = NonNullable<ImagePolicySpec['signedIdentity']>;

const policyWith = (signedIdentity: Demand, more: Partial<ImagePolicySpec> = {}) =>
  compiled('test', { images: ['**'], keys: [{ pem: publicKeyPem('release') }], signedIdentity, ...more });

function wanted(signedIdentity: Demand, image: string): string | undefined {
  const { problems, signedIdentity: of } = policyWith(signedIdentity);
  assert.deepEqual(problems, []);
  return of && repositoryName(of(parseRepository(image)));
}

const remap = (prefix: string, signedPrefix: string): Demand => ({
  matchPolicy: 'RemapIdentity',
  remapIdentity: { prefix, signedPrefix },
});

describe('the repository that a signature must have been made for', () => {
  test('is any where nothing is asked', () => {
    assert.equal(
      compiled('test', { images: ['**'], keys: [{ pem: publicKeyPem('release') }] }).signedIdentity,
      undefined,
    );
  });

  test("is the image's own by MatchRepository, and the one that is named by ExactRepository", () => {
    assert.equal(wanted({ matchPolicy: 'MatchRepository' }, 'quay.io/acme/app'), 'quay.io/acme/app');
    const exact = { matchPolicy: 'ExactRepository', exactRepository: { repository: 'quay.io/acme/base' } } as const;
    assert.equal(wanted(exact, 'quay.io/acme/app'), 'quay.io/acme/base');
  });

  for (const [prefix, signedPrefix, image, expected] of [
    ['mirror.example.com', 'quay.io', 'mirror.example.com/acme/app', 'quay.io/acme/app'],
    ['mirror.example.com/quay', 'quay.io', 'mirror.example.com/quay/acme/app', 'quay.io/acme/app'],
    ['mirror.example.com/quay', 'quay.io', 'mirror.example.com/quay', 'quay.io/'],
    ['mirror.example.com/a', 'quay.io/b', 'mirror.example.com/a', 'quay.io/b'],
    // Whole segments, and a whole host.
    ['mirror.example.com/ac', 'quay.io', 'mirror.example.com/acme/app', 'mirror.example.com/acme/app'],
    ['mirror.example', 'quay.io', 'mirror.example.com/acme/app', 'mirror.example.com/acme/app'],
    ['mirror.example.com/acme/app/sub', 'quay.io', 'mirror.example.com/acme/app', 'mirror.example.com/acme/app'],
    // One host has many spellings.
    ['mirror.example.com:443', 'quay.io', 'mirror.example.com/acme/app', 'quay.io/acme/app'],
    ['index.docker.io', 'quay.io', 'nginx', 'quay.io/library/nginx'],
    ['docker.io/acme', 'quay.io/acme', 'acme/app', 'quay.io/acme/app'],
    ['quay.io', 'docker.io/acme', 'quay.io/app', 'docker.io/acme/app'],
    ['quay.io', 'docker.io', 'quay.io/acme/app', 'docker.io/acme/app'],
  ] as const) {
    test(`is ${expected} of ${image}, with ${signedPrefix} for ${prefix}`, () => {
      assert.equal(wanted(remap(prefix, signedPrefix), image), expected);
    });
  }

  for (const [what, demand, path] of [
    ['without the repository', { matchPolicy: 'ExactRepository' }, ''],
    [
      'with a repository that is not asked',
      { matchPolicy: 'MatchRepository', exactRepository: { repository: 'a/b' } },
      '',
    ],
    ['without the prefixes', { matchPolicy: 'RemapIdentity' }, ''],
    ['with prefixes that are not asked', { ...remap('a.io', 'b.io'), matchPolicy: 'MatchRepository' }, ''],
    [
      'for a repository with a tag',
      { matchPolicy: 'ExactRepository', exactRepository: { repository: 'quay.io/a:1' } },
      '.exactRepository.repository',
    ],
    ['for a prefix without a host', remap('acme', 'quay.io'), '.remapIdentity.prefix'],
    ['for a prefix with a tag', remap('quay.io/acme:1', 'quay.io'), '.remapIdentity.prefix'],
    ['for a prefix that ends in nothing', remap('quay.io/', 'quay.io'), '.remapIdentity.prefix'],
    ['in place of no host', remap('quay.io', '*'), '.remapIdentity.signedPrefix'],
  ] as const) {
    test(`makes a policy not Ready ${what}`, () => {
      const { problems } = policyWith(demand);
      assert.deepEqual(
        problems.map((problem) => [problem.reason, problem.path]),
        [['InvalidSpec', `spec.signedIdentity${path}`]],
      );
    });
  }

  test('is asked of signatures: a policy without any refuses it', () => {
    const attestations = [{ name: 'tests', predicateType: 'https://example.com/tests/v1' }];
    const { problems } = policyWith({ matchPolicy: 'MatchRepository' }, { threshold: 0, attestations });
    assert.deepEqual(
      problems.map(({ path, message }) => [path, message]),
      [['spec.threshold', 'signedIdentity is about signatures, and threshold 0 asks for none']],
    );
  });
});

const same = (one: string, other: string) => isSameRepository(parseRepository(one), parseRepository(other));

test('one repository is the same in all spellings of its host, and no other is', () => {
  assert.ok(same('quay.io/acme/app', 'quay.io:443/acme/app'));
  assert.ok(same('nginx', 'registry-1.docker.io/library/nginx'));
  assert.ok(!same('quay.io/acme/app', 'quay.io/acme/app2'));
  assert.ok(!same('quay.io/acme/app', 'quay.io:8443/acme/app'));
});
