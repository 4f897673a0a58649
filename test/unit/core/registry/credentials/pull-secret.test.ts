// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pullSecretKeychain } from '../../../../../core/registry/credentials/pull-secret.ts';
import { anonymousKeychain, chainKeychains } from '../../../../../core/registry/credentials/keychains.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const repository = { registry: 'registry.example.com', path: 'team/app' };
const auths = { 'registry.example.com': { auth: base64('alice:wonder') } };
const alice = { username: 'alice', password: 'wonder' };
const modern = (content: unknown) => ({
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': base64(JSON.stringify(content)) },
});

describe('pullSecretKeychain', () => {
  test('reads both kinds of Secret', async () => {
    assert.deepEqual(await pullSecretKeychain(modern({ auths })).resolve(repository), [alice]);
    const old = { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': base64(JSON.stringify(auths)) } };
    assert.deepEqual(await pullSecretKeychain(old).resolve(repository), [alice]);
  });

  test('runs no helper that a Secret names', async () => {
    const secret = modern({ auths, credHelpers: { 'registry.example.com': 'evil' }, credsStore: 'evil' });
    assert.deepEqual(await pullSecretKeychain(secret).resolve(repository), [alice]);
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
      assert.throws(() => pullSecretKeychain(secret), { code: 'RegistryUnauthorized' });
    }
  });
});

describe('chainKeychains', () => {
  test('gives the candidates of all keychains in order', async () => {
    const bob = { username: 'bob', password: 'builder' };
    const first = pullSecretKeychain(modern({ auths }));
    const second = { resolve: () => Promise.resolve([bob]) };
    assert.deepEqual(await chainKeychains([anonymousKeychain, first, second]).resolve(repository), [alice, bob]);
    assert.deepEqual(await chainKeychains([]).resolve(repository), []);
  });
});
