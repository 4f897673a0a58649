// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { silentLogger, type Logger } from '../../../../../core/observe.ts';
import type { Program } from '../../../../../core/registry/credentials/program.ts';
import { createProviderKeychain, type CredentialProvider } from '../../../../../core/registry/credentials/provider.ts';
import type { Keychain } from '../../../../../core/registry/types.ts';

const V1 = 'credentialprovider.kubelet.k8s.io/v1';
const provider: CredentialProvider = {
  name: 'cloud',
  matchImages: ['*.registry.example.com', 'registry.example.com:5000/team'],
  defaultCacheMilliseconds: 60_000,
  apiVersion: V1,
  args: ['get-credentials'],
  env: [{ name: 'REGION', value: 'here' }],
};
const response = { apiVersion: V1, kind: 'CredentialProviderResponse', cacheKeyType: 'Registry' };
const auth = { '*.registry.example.com': { username: 'alice', password: 'wonderland' } };
const app = { registry: 'eu.registry.example.com', path: 'team/app' };

const users = async (from: Keychain, repository = app) =>
  (await from.resolve(repository)).map(({ username }) => username);

/** Not "none": the registry's refusal is then no word about the image. */
const outage = { code: 'RegistryUnavailable', remedy: /credential provider cloud/ };

describe('createProviderKeychain', () => {
  let ran: Program[];
  let answers: Record<string, unknown>;
  let exitCode: number;
  let now: number;
  let lines: string[];

  beforeEach(() => {
    ran = [];
    answers = { cloud: { ...response, auth } };
    exitCode = 0;
    now = 0;
    lines = [];
  });

  const note = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields)}`);

  function keychain(...providers: readonly CredentialProvider[]): Keychain {
    const log: Logger = { ...silentLogger, debug: note, warn: note };
    return createProviderKeychain({
      providers: providers.length > 0 ? providers : [provider],
      binDir: '/opt/providers',
      environment: { PATH: '/bin' },
      timeoutMilliseconds: 1000,
      run: async (program) => {
        ran.push(program);
        const answer = answers[program.name];
        return { exitCode, output: Buffer.from(typeof answer === 'string' ? answer : JSON.stringify(answer)) };
      },
      clock: () => now,
      log,
    });
  }
  test('runs the program as the kubelet does', async () => {
    assert.deepEqual(await keychain().resolve(app), [{ username: 'alice', password: 'wonderland' }]);
    const [program] = ran;
    assert.equal(program?.file, '/opt/providers/cloud');
    assert.deepEqual(program?.args, ['get-credentials']);
    assert.deepEqual(program?.environment, { PATH: '/bin', REGION: 'here' });
    assert.deepEqual(JSON.parse(program?.input ?? ''), {
      apiVersion: V1,
      kind: 'CredentialProviderRequest',
      image: 'eu.registry.example.com/team/app',
    });
  });

  for (const [registry, path, asked] of [
    ['eu.registry.example.com', 'app', true],
    ['registry.example.com:5000', 'team/app', true],
    ['registry.example.com', 'team/app', false],
    ['registry.example.com:5000', 'other/app', false],
    ['registry.example.com:5001', 'team/app', false],
    ['a.eu.registry.example.com', 'app', false],
    ['eu.registry.example.com:443', 'app', true],
    ['eu.registry.example.com:80', 'app', false],
    ['eu.registry.example.com.evil.io', 'app', false],
  ] as const) {
    test(`${asked ? 'asks' : 'asks nobody'} for ${registry}/${path}`, async () => {
      await keychain().resolve({ registry, path });
      assert.equal(ran.length, asked ? 1 : 0);
    });
  }

  test('gives a credential only to images that its key in the answer matches', async () => {
    answers['cloud'] = { ...response, auth: { 'us.registry.example.com': { username: 'alice', password: 'x' } } };
    assert.deepEqual(await users(keychain()), []);
  });

  for (const [cacheKeyType, afterSameImage, afterSameRegistry, afterOther] of [
    ['Image', 1, 2, 3],
    ['Registry', 1, 1, 2],
    ['Global', 1, 1, 1],
  ] as const) {
    test(`remembers answers with the cache key ${cacheKeyType}`, async () => {
      answers['cloud'] = { ...response, cacheKeyType, auth };
      const from = keychain();
      await from.resolve(app);
      await from.resolve(app);
      assert.equal(ran.length, afterSameImage);
      await from.resolve({ ...app, path: 'team/other' });
      assert.equal(ran.length, afterSameRegistry);
      await from.resolve({ ...app, registry: 'us.registry.example.com' });
      assert.equal(ran.length, afterOther);
    });
  }

  for (const [cacheDuration, lives] of [
    [undefined, 60_000],
    [null, 60_000],
    ['1m30s', 90_000],
    ['0s', 0],
  ] as const) {
    test(`with the cacheDuration ${cacheDuration} an answer lives ${lives} ms`, async () => {
      answers['cloud'] = { ...response, auth, cacheDuration };
      const from = keychain();
      await from.resolve(app);
      now = lives - 1;
      await from.resolve(app);
      assert.equal(ran.length, lives === 0 ? 2 : 1);
      now = lives;
      await from.resolve(app);
      assert.equal(ran.length, lives === 0 ? 3 : 2);
    });
  }

  test('remembers that there are no credentials', async () => {
    answers['cloud'] = { ...response, auth: null };
    const from = keychain();
    assert.deepEqual(await users(from), []);
    assert.deepEqual(await users(from), []);
    assert.equal(ran.length, 1);
  });

  test('runs once for many decisions at the same time', async () => {
    const from = keychain();
    await Promise.all(Array.from({ length: 20 }, () => from.resolve(app)));
    assert.equal(ran.length, 1);
  });

  test('combines what several providers answer, the earlier one first', async () => {
    answers['second'] = {
      ...response,
      auth: {
        '*.registry.example.com': { username: 'bob', password: 'b' },
        'eu.registry.example.com/team': { username: 'carol', password: 'c' },
      },
    };
    assert.deepEqual(await users(keychain(provider, { ...provider, name: 'second' })), ['carol', 'alice', 'bob']);
  });

  for (const [what, answer] of [
    ['no JSON', 'secret, no JSON'],
    ['another version', { ...response, apiVersion: `${V1}beta1`, auth }],
    ['another kind', { ...response, kind: 'CredentialProviderRequest', auth }],
    ['an unknown cache key', { ...response, cacheKeyType: 'secret', auth }],
    ['a duration that is none', { ...response, auth, cacheDuration: 'secret' }],
    ['a duration below zero', { ...response, auth, cacheDuration: '-5m' }],
    ['a list', { ...response, auth: ['secret'] }],
    ['a text for a credential', { ...response, auth: { '*.registry.example.com': 'secret' } }],
    ['a password that is no text', { ...response, auth: { '*.registry.example.com': { password: ['secret'] } } }],
  ] as const) {
    test(`says that a program that answers ${what} could not be asked, and logs none of it`, async () => {
      answers['cloud'] = answer;
      await assert.rejects(users(keychain()), outage);
      assert.equal(lines.length, 1);
      assert.match(lines[0] ?? '', /cloud/);
      assert.doesNotMatch(lines[0] ?? '', /secret|wonderland/);
    });
  }

  test('leaves a program that failed alone for ten seconds, for this image only', async () => {
    exitCode = 1;
    const from = keychain();
    await assert.rejects(from.resolve(app), outage);
    now = 9999;
    await assert.rejects(from.resolve(app), outage);
    assert.equal(ran.length, 1);
    exitCode = 0;
    assert.deepEqual(await users(from, { ...app, registry: 'us.registry.example.com' }), ['alice']);
    now = 10_000;
    assert.deepEqual(await users(from), ['alice']);
  });
});
