// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createMatcher } from '../../../../../core/registry/credentials/match.ts';
import { pullSecretEntries, type PullSecret } from '../../../../../core/registry/credentials/pull-secret.ts';
import { anonymousKeychain, chainKeychains } from '../../../../../core/registry/credentials/keychains.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const repository = { registry: 'registry.example.com', path: 'team/app' };
const auths = { 'registry.example.com': { auth: base64('alice:wonder') } };
const alice = { username: 'alice', password: 'wonder' };
const modern = (content: unknown) => ({
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(JSON.stringify(content)) },
});

/** `auths` of so many registries. */
const many = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`r${index}.example.com`, auths['registry.example.com']]),
  );

const credentialsIn = (secret: PullSecret) => createMatcher(pullSecretEntries(secret))(repository);

describe('pullSecretEntries', () => {
  test('reads both kinds of Secret', () => {
    assert.deepEqual(credentialsIn(modern({ auths })), [alice]);
    const old = { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64(JSON.stringify(auths)) } };
    assert.deepEqual(credentialsIn(old), [alice]);
  });

  test('refuses more entries than anybody has, of either kind: each would be compared with each image', () => {
    assert.equal(pullSecretEntries(modern({ auths: many(256) })).length, 256);
    const old = { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64(JSON.stringify(many(257))) } };
    for (const secret of [modern({ auths: many(257) }), old]) {
      assert.throws(() => pullSecretEntries(secret), /more than 256 entries/);
    }
  });

  test('reads a password of any length and shape in time that grows with it', () => {
    // Squared, this took an hour.
    const password = `${'\0'.repeat(500_000)}x`;
    const [credential] = credentialsIn(
      modern({ auths: { 'registry.example.com': { auth: base64(`alice:p${password}`) } } }),
    );
    assert.equal(credential?.password, `p${password}`);
  });

  test('runs no helper that a Secret names', () => {
    const secret = modern({ auths, credHelpers: { 'registry.example.com': 'evil' }, credsStore: 'evil' });
    assert.deepEqual(credentialsIn(secret), [alice]);
  });

  test('refuses other Secrets and those without their key', () => {
    for (const secret of [
      {},
      { type: 'Opaque', data: { '.dockerconfigjson': base64('{}') } },
      { type: 'kubernetes.io/dockerconfigjson' },
      { type: 'kubernetes.io/dockerconfigjson', data: { '.dockercfg': base64('{}') } },
      { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64('[]') } },
      { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e'.repeat(2_000_000) } },
    ]) {
      assert.throws(() => pullSecretEntries(secret), { code: 'RegistryUnauthorized' });
    }
  });
});

describe('chainKeychains', () => {
  test('gives the candidates of all keychains in order', async () => {
    const bob = { username: 'bob', password: 'builder' };
    const first = { resolve: async () => credentialsIn(modern({ auths })) };
    const second = { resolve: () => Promise.resolve([bob]) };
    assert.deepEqual(await chainKeychains([anonymousKeychain, first, second]).resolve(repository), [alice, bob]);
    assert.deepEqual(await chainKeychains([]).resolve(repository), []);
  });
});
