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

  test('reads each version that the kubelet does', () => {
    for (const version of ['v1', 'v1beta1', 'v1alpha1']) {
      const provider = { ...ecr, apiVersion: `credentialprovider.kubelet.k8s.io/${version}` };
      const content = file(provider).replace('kubelet.config.k8s.io/v1', `kubelet.config.k8s.io/${version}`);
      assert.equal(parseCredentialProviders(content, 'f')[0]?.apiVersion, provider.apiVersion);
    }
  });

  for (const [what, content, message] of [
    ['text that is no YAML', '{', /^f: is not valid YAML/],
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
    ['an unknown field of the file', `${file(ecr)}extra: 1`, /\$\.extra: is not a known field/],
    ['a missing list', 'kind: CredentialProviderConfig', /: needs the field providers/],
    ['a provider without a name', file({ ...ecr, name: undefined }), /\$\.providers\[0\]: needs the field name/],
    ['one without images', file({ ...ecr, matchImages: undefined }), /needs the field matchImages/],
    ['one without duration', file({ ...ecr, defaultCacheDuration: undefined }), /needs the field defaultCacheDuration/],
    ['one without protocol', file({ ...ecr, apiVersion: undefined }), /needs the field apiVersion/],
    ['a variable without a value', file({ ...ecr, env: [{ name: 'A' }] }), /env\[0\]: needs the field value/],
    ['a variable with more', file({ ...ecr, env: [{ name: 'A', value: '', from: '' }] }), /from: is not a known field/],
    ['no name of a variable', file({ ...ecr, env: [{ name: 'A=B', value: '' }] }), /env\[0\]\.name: is not valid/],
    ['too many arguments', file({ ...ecr, args: Array.from({ length: 65 }, () => '') }), /\$\.providers\[0\]\.args/],
    ['too many images', file({ ...ecr, matchImages: Array.from({ length: 257 }, () => 'a.io') }), /matchImages/],
    ['another kind', file(ecr).replace('CredentialProviderConfig', 'Pod'), /\$\.kind: must be one of/],
  ] as const) {
    test(`refuses ${what} and says where`, () => {
      assert.throws(() => parseCredentialProviders(content, 'f'), { name: 'ConfigurationError', message });
    });
  }
});

const unreadable = () => Promise.reject(new Error('ENOENT'));

describe('loadCredentialPrograms', () => {
  test('reads the file that is named, beside the helpers', async () => {
    const credentialProviders = { configFile: '/providers.yaml', binDir: '/bin' };
    const credentialHelpers = { binDir: '/helpers', hosts: { 'registry.example.com': 'cloud' } };
    const asked: string[] = [];
    const read = async (path: string) => {
      asked.push(path);
      return file(ecr);
    };
    const { helpers, providers } = await loadCredentialPrograms({ credentialProviders, credentialHelpers }, read);
    assert.deepEqual([helpers, providers?.binDir, asked], [credentialHelpers, '/bin', ['/providers.yaml']]);
    assert.deepEqual(
      providers?.list.map(({ name }) => name),
      ['ecr-credential-provider'],
    );
  });

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
