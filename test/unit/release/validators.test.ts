// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { build } from 'esbuild';
import { validatorOf as configurationValidatorOf } from '../../../core/config/validators.ts';
import { validatorOf as policyValidatorOf } from '../../../core/policy/documents/validators.ts';
import type { ValidatorOf } from '../../../core/schemas/lazy-validators.ts';
import { compiledValidators } from '../../../release/bundle/validators.ts';

const ROOT = path.join(import.meta.dirname, '../../..');

/** What the schemas say in different ways: each is asked of the validator in the bundle and of the one from source. */
const POLICY = {
  apiVersion: 'cosignet.dev/v1',
  kind: 'ImagePolicy',
  metadata: { name: 'a' },
  spec: { images: ['**'], keys: [{ pem: 'x' }] },
};
const POLICIES: readonly unknown[] = [
  POLICY,
  { ...POLICY, kind: 'NamespacedImagePolicy' },
  { ...POLICY, spec: { ...POLICY.spec, unknown: true } },
  { ...POLICY, spec: { images: [], keys: [{ pem: '' }, { name: 'n', kms: 3 }] } },
  { ...POLICY, spec: { images: ['é'.repeat(5000)], keys: 'none' } },
  { ...POLICY, metadata: { name: 'a', creationTimestamp: 'yesterday' } },
  { ...POLICY, spec: JSON.parse('{"__proto__":{"images":["**"]},"images":["**"],"keys":[{"pem":"x"}]}') as unknown },
  Object.create(POLICY),
  {},
  [],
  null,
  'text',
];
const CONFIGURATIONS: readonly unknown[] = [
  {},
  { unmatchedImages: 'Allow', deadlineSeconds: 5, registries: [{ host: 'registry.example.com' }] },
  { unmatchedImages: 'Perhaps', deadlineSeconds: 0, registries: [{ host: '///' }, {}], nothing: 1 },
  { excludedNamespaces: ['kube-system', { name: 'x', mode: 'Audit' }, { name: 'UPPER' }, 3] },
  { limits: { manifestBytes: 1.5 } },
  null,
];
const PROVIDERS: readonly unknown[] = [
  {},
  {
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      { name: 'a', matchImages: ['*'], defaultCacheDuration: '1h', apiVersion: 'credentialprovider.kubelet.k8s.io/v1' },
    ],
  },
  {
    apiVersion: 'v1',
    kind: 'CredentialProviderConfig',
    providers: [{ name: '../a', matchImages: [], tokenAttributes: {} }],
  },
];

function saysTheSame<Name extends string>(
  names: readonly Name[],
  documents: readonly unknown[],
  [first, second]: readonly [ValidatorOf<Name>, ValidatorOf<Name>],
): void {
  const verdicts = new Set<boolean>();
  for (const name of names) {
    for (const document of documents) {
      const [one, other] = [first(name), second(name)];
      const verdict = one(document);
      assert.equal(other(document), verdict, JSON.stringify(document));
      assert.deepEqual(other.errors, one.errors);
      verdicts.add(verdict);
    }
  }
  assert.deepEqual(verdicts.size, 2, 'some are valid and some are not');
}

describe('the validators in the bundle', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-validators-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function bundled<Name extends string>(file: string): Promise<ValidatorOf<Name>> {
    const outfile = path.join(folder, `${file.replaceAll('/', '-')}.mjs`);
    const { metafile } = await build({
      entryPoints: [path.join(ROOT, file)],
      outfile,
      bundle: true,
      metafile: true,
      format: 'esm',
      platform: 'node',
      plugins: [compiledValidators],
      logLevel: 'error',
    });
    const generators = Object.keys(metafile.inputs).filter((name) => name.includes('ajv/dist/compile'));
    assert.deepEqual(generators, [], 'nothing is left to compile');
    const module: { validatorOf: ValidatorOf<Name> } = await import(pathToFileURL(outfile).href);
    return module.validatorOf;
  }

  test('say of policies what those from source say, fault by fault', async () => {
    const compiled = await bundled<'ImagePolicy' | 'NamespacedImagePolicy'>('core/policy/documents/validators.ts');
    saysTheSame(['ImagePolicy', 'NamespacedImagePolicy'], POLICIES, [compiled, policyValidatorOf]);
  });

  test('say of configurations what those from source say, fault by fault', async () => {
    const compiled = await bundled<'configuration' | 'credentialProviders'>('core/config/validators.ts');
    saysTheSame(['configuration'], CONFIGURATIONS, [compiled, configurationValidatorOf]);
    saysTheSame(['credentialProviders'], PROVIDERS, [compiled, configurationValidatorOf]);
  });
});
