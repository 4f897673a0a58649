// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stringify } from 'yaml';
import { loadCredentialPrograms, parseCredentialProviders } from '../../../../core/config/credential-providers.ts';

const ecr = {
  name: 'ecr-credential-provider',
  matchImages: ['*.dkr.ecr.*.amazonaws.com', '*.dkr.ecr.*.amazonaws.com.cn'],
  defaultCacheDuration: '12h',
  apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
};
const file = (...providers: readonly object[]) =>
  stringify({ apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig', providers });

describe('parseCredentialProviders', () => {
  test('reads what the kubelet reads', () => {
    const { defaultCacheDuration: _, ...rest } = ecr;
    const env = [{ name: 'AWS_PROFILE', value: 'registry' }];
    assert.deepEqual(
      parseCredentialProviders(file(ecr, { ...ecr, name: 'second', args: ['get-credentials'], env }), 'f'),
      [
        { ...rest, args: [], env: [], defaultCacheMilliseconds: 43_200_000 },
        { ...rest, name: 'second', args: ['get-credentials'], env, defaultCacheMilliseconds: 43_200_000 },
      ],
    );
  });

  for (const [what, content, message] of [
    ['text that is no YAML', '{', /^f: \$: is not valid YAML/],
    ['no provider', file(), /\$\.providers/],
    ['a slash in a name', file({ ...ecr, name: '../sh' }), /\$\.providers\[0\]\.name: is not valid/],
    ['the folder itself', file({ ...ecr, name: '..' }), /\$\.providers\[0\]\.name: is not valid/],
    ['a name twice', file(ecr, ecr), /\$\.providers\[1\]\.name: names ecr-credential-provider a second time/],
    ['no images', file({ ...ecr, matchImages: [] }), /\$\.providers\[0\]\.matchImages/],
    ['an image with scheme', file({ ...ecr, matchImages: ['https://a.io'] }), /matchImages\[0\]: is no host/],
    ['no duration', file({ ...ecr, defaultCacheDuration: 'long' }), /defaultCacheDuration: is no duration/],
    ['a negative duration', file({ ...ecr, defaultCacheDuration: '-1h' }), /defaultCacheDuration: is no duration/],
    ['another protocol', file({ ...ecr, apiVersion: 'v1' }), /\$\.providers\[0\]\.apiVersion: must be one of/],
    ['tokens of Pods', file({ ...ecr, tokenAttributes: {} }), /tokenAttributes: is not a known field/],
    ['another kind', file(ecr).replace('CredentialProviderConfig', 'Pod'), /\$\.kind: must be one of/],
  ] as const) {
    test(`refuses ${what} and says where`, () => {
      assert.throws(() => parseCredentialProviders(content, 'f'), { name: 'ConfigurationError', message });
    });
  }
});

const unreadable = () => Promise.reject(new Error('ENOENT'));

describe('loadCredentialPrograms', () => {
  test('names the field whose file is not there', async () => {
    const credentialProviders = { configFile: '/none.yaml', binDir: '/bin' };
    await assert.rejects(loadCredentialPrograms({ credentialProviders }, unreadable), {
      message: /\$\.credentialProviders\.configFile: \/none\.yaml: ENOENT/,
    });
  });

  test('reads no file where no providers are configured', async () => {
    const credentialHelpers = { binDir: '/bin', hosts: { 'registry.example.com': 'cloud' } };
    assert.deepEqual(await loadCredentialPrograms({ credentialHelpers }, unreadable), { helpers: credentialHelpers });
    assert.deepEqual(await loadCredentialPrograms({}, unreadable), {});
  });
});
