// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { errorText } from '../../../../../core/text.ts';
import { createDockerKeychain, parseDockerConfig } from '../../../../../core/registry/credentials/docker-config.ts';
import type { RunCredentialHelper } from '../../../../../core/registry/credentials/helper.ts';

const noHelper = () => Promise.resolve(undefined);

const base64 = (text: string) => Buffer.from(text).toString('base64');
const resolve = (config: object, registry: string, helper: RunCredentialHelper = noHelper) =>
  createDockerKeychain(parseDockerConfig(JSON.stringify(config)), helper).resolve({ registry, path: 'team/app' });
const failingHelper: RunCredentialHelper = () =>
  Promise.reject(new Error('docker-credential-x failed with exit code 1'));
const auths = (entry: object) => ({ auths: { 'registry.example.com': entry } });

describe('createDockerKeychain', () => {
  const spellings: readonly (readonly [string, object, object])[] = [
    ['auth', { auth: base64('alice:won:der') }, { username: 'alice', password: 'won:der' }],
    ['padded auth', { auth: base64('alice:wonder\0\0') }, { username: 'alice', password: 'wonder' }],
    ['username and password', { username: 'alice', password: 'wonder' }, { username: 'alice', password: 'wonder' }],
    [
      'auth before username',
      { username: 'bob', password: 'x', auth: base64('alice:wonder') },
      { username: 'alice', password: 'wonder' },
    ],
    [
      'identitytoken',
      { auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
      { username: '00000000-0000-0000-0000-000000000000', password: '', identityToken: 'refresh' },
    ],
    ['registrytoken', { registrytoken: 'bearer' }, { username: '', password: '', registryToken: 'bearer' }],
  ];
  for (const [what, entry, credential] of spellings) {
    test(`reads ${what}`, async () => {
      assert.deepEqual(await resolve(auths(entry), 'registry.example.com'), [credential]);
    });
  }

  test('finds nothing for other hosts, in empty entries and in an empty file', async () => {
    assert.deepEqual(await resolve(auths({ auth: base64('a:b') }), 'registry.example.com.evil.io'), []);
    assert.deepEqual(await resolve(auths({}), 'registry.example.com'), []);
    assert.deepEqual(await resolve({}, 'registry.example.com'), []);
  });

  test('asks the helper named for the host, else the store, and keeps what auths say as well', async () => {
    const asked: string[] = [];
    const helper: RunCredentialHelper = (name, host) => {
      asked.push(`${name} ${host}`);
      return Promise.resolve({ username: name, password: 'p' });
    };
    const config = {
      auths: { 'registry.example.com': { auth: base64('alice:wonder') } },
      credHelpers: { 'registry.example.com': 'ecr-login', 'index.docker.io': 'hub' },
      credsStore: 'desktop',
    };
    const found = await resolve(config, 'registry.example.com', helper);
    assert.deepEqual(
      found.map(({ username }) => username),
      ['ecr-login', 'alice'],
    );
    await resolve(config, 'quay.io', helper);
    await resolve(config, 'docker.io', helper);
    assert.deepEqual(asked, ['ecr-login registry.example.com', 'desktop quay.io', 'hub https://index.docker.io/v1/']);
  });

  test('fails when a helper does, so that a broken login is no anonymous pull', async () => {
    await assert.rejects(resolve({ credsStore: 'x' }, 'quay.io', failingHelper), {
      code: 'RegistryUnavailable',
      remedy: 'See why the helper docker-credential-x does not give credentials for quay.io.',
      message: 'credentials for quay.io: docker-credential-x failed with exit code 1',
    });
  });
});

describe('parseDockerConfig', () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['{"auths":{"a.io":{"auth":"c2VjcmV0"}}}', /auths\["a.io"\].auth is not base64/],
    ['{"auths":{"a.io":"secret"}}', /auths\["a.io"\] is not an object/],
    ['{"auths":["secret"]}', /auths is not an object/],
    ['{"auths":{"a.io":{"auth":"secret"', /not a JSON object/],
    ['"secret"', /not a JSON object/],
    ['null', /not a JSON object/],
    ['', /not a JSON object/],
  ];
  for (const [text, message] of bad) {
    test(`names the fault of ${JSON.stringify(text)} without quoting secrets`, () => {
      assert.throws(
        () => parseDockerConfig(text),
        (error: unknown) => {
          assert.match(errorText(error), message);
          assert.doesNotMatch(errorText(error), /secret|c2VjcmV0/);
          return true;
        },
      );
    });
  }
});

test('a fault quotes the name of an entry without its control characters', () => {
  const text = JSON.stringify({ auths: { 'a\u0000\u202eb': 1 } });
  assert.throws(() => parseDockerConfig(text), { message: /auths\["a\\u0000\\u202eb"\] is not an object/ });
});
