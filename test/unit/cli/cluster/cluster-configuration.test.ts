// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readClusterConfiguration } from '../../../../cli/cluster/cluster-configuration.ts';
import { DEFAULT_CONFIGURATION } from '../../../../core/config/configuration.ts';
import { ApiError, type KubeApi } from '../../../../operator/kubernetes/api-client.ts';

/** An API server that has these configurations. */
function apiWith(...texts: readonly string[]): KubeApi {
  const items = texts.map((text) => ({ data: { 'config.yaml': text } }));
  return apiOf(async () => ({ items }));
}

function apiOf(call: () => Promise<unknown>): KubeApi {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of it is asked
  return { call, watch: call } as unknown as KubeApi;
}

async function read(api: KubeApi) {
  const warnings: string[] = [];
  const configuration = await readClusterConfiguration(api, 'cosignet', (text) => warnings.push(text));
  return { configuration, warnings: warnings.join('\n') };
}

describe('the configuration of a cluster, read from outside', () => {
  test('counts as it is, apart from files that only its Pods have', async () => {
    const text = `unmatchedImages: Allow
registries:
- {host: registry.example.com, caFile: /etc/ca.pem, mirrors: [mirror.example.com]}
trustRoots:
- {name: own, file: /etc/root.json}
`;
    const { configuration, warnings } = await read(apiWith(text));
    assert.equal(configuration.unmatchedImages, 'Allow');
    assert.deepEqual(configuration.registries[0]?.mirrors, ['mirror.example.com']);
    assert.equal(configuration.registries[0]?.caFile, undefined);
    assert.deepEqual(configuration.trustRoots, []);
    assert.match(warnings, /caFile of registry\.example\.com is in the cluster: name it with --registry-ca/);
    assert.match(warnings, /what needs own can't be decided/);
  });

  test('never lets the built-in root stand in for one of the same name that can not be read', async () => {
    const text = 'trustRoots: [{name: public-good, file: /etc/root.json}]\n';
    await assert.rejects(read(apiWith(text)), /trust root public-good is from a file that only the cluster has/);
  });

  test('is the default where there is none or it may not be seen, which is said; of two neither counts', async () => {
    const none = await read(apiWith());
    assert.deepEqual(none.configuration, DEFAULT_CONFIGURATION);
    assert.match(none.warnings, /there is no configuration in namespace cosignet/);
    await assert.rejects(read(apiWith('', '')), /there are 2 configurations/);
    await assert.rejects(read(apiWith('unknown: 1')), /the configuration in namespace cosignet: /);
    const forbidden = await read(apiOf(() => Promise.reject(new ApiError(403, 'not yours'))));
    assert.deepEqual(forbidden.configuration, DEFAULT_CONFIGURATION);
    assert.match(forbidden.warnings, /is not used: not yours/);
    await assert.rejects(read(apiOf(() => Promise.reject(new ApiError(500, 'broken')))), /broken/);
  });
});
