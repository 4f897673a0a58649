// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { DEFAULT_KMS } from '../../../../core/config/types.ts';
import { parseKmsReference } from '../../../../core/kms/reference.ts';
import type { KmsMeans } from '../../../../core/kms/types.ts';
import { readVaultKey } from '../../../../core/kms/vault.ts';
import { kmsMeans, kmsServerOfTest, makeKey, startKmsServer, vaultKey } from '../../../fakes/kms-service.ts';

const RELEASE = parseKmsReference('hashivault://release');

const read = (url: string, given: Partial<KmsMeans> = {}) =>
  readVaultKey(RELEASE, kmsMeans({ environment: { VAULT_ADDR: url, VAULT_TOKEN: 's.token' }, ...given }));
const answering: KmsMeans['ask'] = async () => ({ status: 200, text: '', content: { ...vaultKey([makeKey()]) } });

describe('keys of Vault', () => {
  const start = kmsServerOfTest();

  test('are all versions that Vault verifies by, the newest first', async () => {
    const keys = [makeKey(), makeKey(), makeKey()];
    const { url, asked } = await start(() => ({ content: vaultKey(keys, { least: 2 }) }));
    assert.deepEqual(await read(`${url}/`), [keys[2]?.pem, keys[1]?.pem]);
    assert.deepEqual(
      asked.map(({ method, path, headers }) => [method, path, headers['x-vault-token']]),
      [['GET', '/v1/transit/keys/release', 's.token']],
    );
  });

  test('are none of a web page, whose host is told', async () => {
    const { url } = await start(() => ({ content: '<html>Sign in</html>' }));
    const { host } = new URL(url);
    await assert.rejects(read(url), {
      message: `${host} can't be asked: a web page came: a proxy or a sign-in page answers in its place`,
    });
  });

  test('are none where it does not say which of them count', async () => {
    const { data } = Object(vaultKey([makeKey()]));
    const content = { data: { ...data, min_decryption_version: 'newest' } };
    assert.deepEqual(
      await read('https://vault.example', { ask: async () => ({ status: 200, text: '', content }) }),
      [],
    );
  });

  test('are read from where, and in which namespace, it is set', async () => {
    const keys = [makeKey()];
    const { url, asked } = await start(() => ({ content: vaultKey(keys) }));
    const settings = { ...DEFAULT_KMS, vault: { address: url, namespace: 'team', transitPath: 'engines/signing' } };
    await read('http://elsewhere.example', { settings });
    assert.equal(asked[0]?.path, '/v1/engines/signing/keys/release');
    assert.equal(asked[0].headers['x-vault-namespace'], 'team');
  });

  test('that are Ed25519 come as bare bytes', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const { x = '' } = publicKey.export({ format: 'jwk' });
    const content = {
      data: {
        type: 'ed25519',
        keys: { 1: { name: 'ed25519', public_key: Buffer.from(x, 'base64url').toString('base64') } },
      },
    };
    const { url } = await start(() => ({ content }));
    assert.deepEqual(await read(url), [publicKey.export({ type: 'spki', format: 'pem' })]);
  });

  test('are read with the service account where a role is set', async () => {
    const keys = [makeKey()];
    const { url, asked } = await start(({ path }) => ({
      content: path.startsWith('/v1/auth') ? { auth: { client_token: 'hvs.login' } } : vaultKey(keys),
    }));
    const settings = { ...DEFAULT_KMS, vault: { kubernetes: { role: 'cosignet', tokenFile: '/token' } } };
    assert.deepEqual(await read(url, { settings, readText: async (file) => `jwt of ${file}\n` }), [keys[0]?.pem]);
    assert.deepEqual(
      asked.map(({ method, path, body }) => `${method} ${path} ${body}`),
      ['POST /v1/auth/kubernetes/login {"role":"cosignet","jwt":"jwt of /token"}', 'GET /v1/transit/keys/release '],
    );
    assert.equal(asked[1]?.headers['x-vault-token'], 'hvs.login');
  });

  test('say what Vault refused, and never the token', async () => {
    const { url } = await start(() => ({ status: 403, content: { errors: ['permission denied'] } }));
    await assert.rejects(read(url), /the key release, answers with HTTP status 403: permission denied$/);
    await assert.rejects(read('http://127.0.0.1:1'), (error: Error) => !error.message.includes('s.token'));
  });

  test('are asked of nobody by plain HTTP over a network, unless it is set so', async () => {
    await assert.rejects(read('http://vault.example:8200'), /^Error: http:\/\/vault.example:8200 is plain HTTP/);
    for (const address of ['http://me:secret@vault.example', 'https:/me:secret@', 'ldap://me:secret@vault.example'])
      await assert.rejects(read(address), (error: Error) => !error.message.includes('secret'), address);
    await assert.rejects(read(''), /no address/);
    const settings = { ...DEFAULT_KMS, vault: { insecure: true } };
    assert.equal((await read('http://vault.example:8200', { settings, ask: answering })).length, 1);
  });

  test('that are for encryption have no public half', async () => {
    const { url } = await start(() => ({ content: { data: { type: 'aes256-gcm96', keys: { 1: 1700000000 } } } }));
    await assert.rejects(read(url), /no public half/);
  });

  test('are not read beyond a cap of bytes, nor for longer than a moment, nor from where an answer leads', async () => {
    const { url } = await start(({ path }) =>
      path.endsWith('release') ? { content: 'x'.repeat(300 * 1024) } : undefined,
    );
    await assert.rejects(read(url), /larger than/);
    const silent = await startKmsServer(() => undefined);
    try {
      await assert.rejects(read(silent.url), /did not answer in time/);
    } finally {
      await silent.close();
    }
  });
});
