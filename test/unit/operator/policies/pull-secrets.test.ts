// SPDX-License-Identifier: Apache-2.0
import type { PullIdentity } from '../../../../core/registry/credentials/pull-identity.ts';
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { RegistryConfiguration } from '../../../../core/config/types.ts';
import { EngineError } from '../../../../core/errors.ts';
import { silentLogger } from '../../../../core/observe.ts';
import type { PullSecret } from '../../../../core/registry/credentials/pull-secret.ts';
import { CredentialsUnavailable } from '../../../../core/registry/credentials/unavailable.ts';
import type { Credential, Keychain } from '../../../../core/registry/types.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { createPullSecrets } from '../../../../operator/policies/pull-secrets.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const image = { registry: 'registry.example.com', path: 'team/app' };
const pod: PullIdentity = { namespace: 'shop', imagePullSecrets: ['own'], serviceAccountName: 'default' };

function pullSecret(host: string, username: string): { type: string; data: Record<string, string> } {
  const auths = { [host]: { auth: btoa(`${username}:secret`) } };
  return { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) } };
}

async function users(keychain: Keychain, repository = image): Promise<readonly string[]> {
  return (await keychain.resolve(repository)).map(({ username }) => username);
}

describe('createPullSecrets', () => {
  let server: FakeApiServer;
  let now: number;
  let registries: RegistryConfiguration[];
  let ownSecrets: Record<string, PullSecret>;
  let programs: Credential[];
  let keychainFor: (source: PullIdentity) => Keychain;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    now = 1_000_000;
    registries = [];
    ownSecrets = {};
    programs = [];
    keychainFor = createPullSecrets({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      registries: () => registries,
      ownSecret: (name) => ownSecrets[name],
      programs: { resolve: async () => programs },
      log: silentLogger,
      clock: () => now,
    });
  });
  afterEach(() => server.stop());

  const put = (name: string, content: object, namespace = 'shop') =>
    server.put(`/api/v1/namespaces/${namespace}/secrets`, { metadata: { name, namespace }, ...content });
  const account = (...names: string[]) =>
    server.put('/api/v1/namespaces/shop/serviceaccounts', {
      metadata: { name: 'default', namespace: 'shop' },
      imagePullSecrets: names.map((name) => ({ name })),
    });

  test("tries the Pod's own secrets, then the operator's", async () => {
    put('own', pullSecret('registry.example.com', 'own'));
    put('shared', pullSecret('registry.example.com', 'shared'));
    account('shared');
    registries = [{ host: 'registry.example.com', mirrors: [], insecure: false, credentialsSecret: 'central' }];
    ownSecrets['central'] = pullSecret('registry.example.com', 'central');
    assert.deepEqual(await users(keychainFor(pod)), ['own', 'central']);
  });

  test('uses the secrets of the service account only where the Pod names none, as the API server does', async () => {
    put('own', pullSecret('registry.example.com', 'own'));
    put('shared', pullSecret('registry.example.com', 'shared'));
    account('shared', '', 'shared');
    assert.deepEqual(await users(keychainFor({ ...pod, imagePullSecrets: [] })), ['shared']);
    assert.deepEqual(await users(keychainFor(pod)), ['own']);
  });

  test('tries the longest path first, whichever secret it is in', async () => {
    put('own', pullSecret('registry.example.com', 'host'));
    put('more', pullSecret('registry.example.com/team', 'path'));
    const source = { ...pod, imagePullSecrets: ['own', 'more'] };
    assert.deepEqual(await users(keychainFor(source)), ['path', 'host']);
  });

  test('tries what programs know after all secrets', async () => {
    put('own', pullSecret('registry.example.com', 'own'));
    programs.push({ username: 'program', password: 'secret' });
    assert.deepEqual(await users(keychainFor(pod)), ['own', 'program']);
  });

  test('asks the API server for nothing before a registry asks for credentials', async () => {
    const keychain = keychainFor(pod);
    assert.equal(server.seen.length, 0);
    await keychain.resolve(image);
    assert.equal(server.seen.length, 1);
  });

  test('gives no credentials to a host that they are not for', async () => {
    put('own', pullSecret('registry.example.com', 'own'));
    account();
    registries = [{ host: 'registry.example.com', mirrors: [], insecure: false, credentialsSecret: 'central' }];
    ownSecrets['central'] = {
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': btoa(
          JSON.stringify({ auths: { 'registry.example.com': {}, 'evil.example': { auth: btoa('central:secret') } } }),
        ),
      },
    };
    for (const registry of ['registry.example.com.evil.io', 'evil.example', 'example.com']) {
      assert.deepEqual(await users(keychainFor(pod), { ...image, registry }), []);
    }
  });

  test('reads only in the namespace of the Pod', async () => {
    put('own', pullSecret('registry.example.com', 'theirs'), 'other');
    account('own');
    assert.deepEqual(await users(keychainFor(pod)), []);
    assert.ok(server.seen.every(({ path }) => path.startsWith('/api/v1/namespaces/shop/')));
  });

  test('names that would climb out of the path are refused', async () => {
    account();
    for (const name of ['..', '.', '']) {
      await assert.rejects(keychainFor({ ...pod, imagePullSecrets: [name] }).resolve(image));
    }
    await keychainFor({ ...pod, imagePullSecrets: ['../../../kube-system/secrets/x'] }).resolve(image);
    assert.ok(server.seen.every(({ path }) => path.startsWith('/api/v1/namespaces/shop/')));
  });

  test('does without what is missing, forbidden, garbage or of another type', async () => {
    put('garbage', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': btoa('{') } });
    put('opaque', { ...pullSecret('registry.example.com', 'opaque'), type: 'Opaque' });
    put('good', pullSecret('registry.example.com', 'good'));
    put('forbidden', pullSecret('registry.example.com', 'forbidden'));
    server.fault = ({ path }) => (path.endsWith('/forbidden') ? { status: 403 } : undefined);
    const names = ['missing', 'garbage', 'opaque', 'forbidden', 'good'];
    assert.deepEqual(await users(keychainFor({ ...pod, imagePullSecrets: names })), ['good']);
  });

  test('remembers what it read, and what is not there, for half a minute', async () => {
    account();
    await keychainFor(pod).resolve(image);
    await Promise.all([keychainFor(pod).resolve(image), keychainFor(pod).resolve(image)]);
    assert.equal(server.seen.length, 1);
    put('own', pullSecret('registry.example.com', 'own'));
    now += 31_000;
    assert.deepEqual(await users(keychainFor(pod)), ['own']);
  });

  test('that a secret could not be asked for is an outage, which keeps what others have', async () => {
    put('own', pullSecret('registry.example.com', 'own'));
    server.fault = ({ path }) => (path.endsWith('/slow') ? { status: 500 } : undefined);
    programs.push({ username: 'program', password: 'secret' });
    const asking = keychainFor({ ...pod, imagePullSecrets: ['own', 'slow'] }).resolve(image);
    await assert.rejects(asking, (error) => {
      assert.ok(error instanceof CredentialsUnavailable);
      assert.equal(error.code, 'RegistryUnavailable');
      assert.deepEqual(
        error.found.map(({ username }) => username),
        ['own', 'program'],
      );
      assert.match(error.message, /secrets\/slow/);
      return true;
    });
  });

  test('many Pods at once ask once, and an outage is not remembered', async () => {
    account();
    put('own', pullSecret('registry.example.com', 'own'));
    server.fault = () => ({ status: 503 });
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => keychainFor(pod).resolve(image)));
    assert.equal(server.seen.length, 1);
    // Never "there are no credentials": what was proven before an outage still counts.
    for (const answer of asked) {
      assert.equal(answer.status, 'rejected');
      assert.ok(answer.reason instanceof EngineError);
      assert.equal(answer.reason.code, 'RegistryUnavailable');
    }
    server.fault = () => undefined;
    assert.deepEqual(await users(keychainFor(pod)), ['own']);
  });

  test('a namespace whose Pods name many Secrets has few of them read at a time, and keeps no other waiting', async () => {
    account();
    put('own', pullSecret('registry.example.com', 'own'));
    server.fault = ({ path }) => (path.includes('/namespaces/team/') ? 'hang' : undefined);
    const greedy = Array.from({ length: 26 }, (_, podNumber) => {
      const imagePullSecrets = Array.from({ length: 32 }, (_unused, index) => `s${podNumber}-${index}`);
      return keychainFor({ namespace: 'team', imagePullSecrets, serviceAccountName: 'default' }).resolve(image);
    });
    // Accounts are read over the same connections.
    for (const serviceAccountName of ['a', 'b', 'c'])
      greedy.push(keychainFor({ namespace: 'team', imagePullSecrets: [], serviceAccountName }).resolve(image));
    const settled = Promise.allSettled(greedy);
    await eventually(() => server.seen.some(({ path }) => path.includes('/namespaces/team/')));
    assert.deepEqual(await users(keychainFor(pod)), ['own']);
    assert.equal(server.seen.filter(({ path }) => path.includes('/namespaces/team/')).length, 2);
    server.fault = () => undefined;
    const answers = await settled;
    // Those that hung are an outage; the others are not there.
    assert.equal(answers.filter(({ status }) => status === 'rejected').length, 2);
  });
});
