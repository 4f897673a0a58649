// SPDX-License-Identifier: Apache-2.0
// Whose credentials a registry is asked by: the Pod's, then those that the configuration names for it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseConfiguration } from '../../../../core/config/configuration.ts';
import type { Keychain } from '../../../../core/registry/types.ts';
import { eventually } from '../eventually.ts';
import { SECRETS, startedCluster, type StartedCluster } from './started-cluster.ts';

const REGISTRY = 'registry.example.com';

function dockerConfig(username: string): { type: string; data: Record<string, string> } {
  const auths = { [REGISTRY]: { username, password: 'secret' } };
  return { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': btoa(JSON.stringify({ auths })) } };
}

const programs: Keychain = {
  resolve: async ({ registry }) => [{ username: `program for ${registry}`, password: 'secret' }],
};

let here: StartedCluster;
async function usersFor(serviceAccountName: string, imagePullSecrets: readonly string[]): Promise<readonly string[]> {
  const keychain = here.host.keychainFor({ namespace: 'shop', serviceAccountName, imagePullSecrets });
  const found = await keychain.resolve({ registry: REGISTRY, path: 'team/app' });
  return found.map(({ username }) => username);
}

describe('credentials in a cluster', () => {
  before(async () => {
    const text = `registries: [{ host: ${REGISTRY}, credentialsSecret: release-pull }]`;
    const configuration = { configuration: () => parseConfiguration(text), credentials: programs };
    here = await startedCluster({ configuration }, (server) => {
      server.put(SECRETS, { metadata: { name: 'release-pull', namespace: 'cosignet' }, ...dockerConfig('release') });
      const shop = '/api/v1/namespaces/shop';
      server.put(`${shop}/secrets`, { metadata: { name: 'pull', namespace: 'shop' }, ...dockerConfig('pod') });
      const account = { metadata: { name: 'builder', namespace: 'shop' }, imagePullSecrets: [{ name: 'pull' }] };
      server.put(`${shop}/serviceaccounts`, account);
    });
    await eventually(() => here.host.notReady().every((reason) => !reason.includes('listed')));
  });
  after(() => here.stop());

  test('a registry is asked by the Pod’s Secrets first, then by the release’s, then by what programs say', async () => {
    const configured = ['release', `program for ${REGISTRY}`];
    assert.deepEqual(await usersFor('default', ['pull']), ['pod', ...configured]);
    assert.deepEqual(await usersFor('builder', []), ['pod', ...configured]);
    assert.deepEqual(await usersFor('default', ['release-pull']), configured);
  });
});
