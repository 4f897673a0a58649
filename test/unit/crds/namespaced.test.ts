// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { namespacedDefinition } from '../../../crds/namespaced.ts';
import type { CrdSchema } from '../../../crds/crd-schema.ts';

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly scope: string;
    readonly names: Readonly<Record<string, unknown>>;
    readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: CrdSchema } }];
  };
}

const source = readFileSync(new URL('../../../crds/imagepolicies.cosignet.dev.yaml', import.meta.url), 'utf8');
const cluster: Definition = parse(source);
const namespaced: Definition = parse(namespacedDefinition(source));

/** What decides what is let in: all but the words for people. */
function withoutDescriptions(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (key, part: unknown) => (key === 'description' ? undefined : part)));
}

function specOf({ spec }: Definition): CrdSchema | undefined {
  return spec.versions[0].schema.openAPIV3Schema.properties?.['spec'];
}

describe('the NamespacedImagePolicy resource', () => {
  test('is namespaced, with names of its own in the same category', () => {
    assert.equal(namespaced.metadata.name, 'namespacedimagepolicies.cosignet.dev');
    assert.equal(namespaced.spec.scope, 'Namespaced');
    assert.deepEqual(namespaced.spec.names, {
      kind: 'NamespacedImagePolicy',
      listKind: 'NamespacedImagePolicyList',
      plural: 'namespacedimagepolicies',
      singular: 'namespacedimagepolicy',
      shortNames: ['nsigpol'],
      categories: ['cosignet'],
    });
  });

  test('differs in nothing else but the selector, a rule against keys of a KMS, and some words', () => {
    const { namespaceSelector, keys, ...others } = specOf(cluster)?.properties ?? {};
    assert.ok(namespaceSelector && keys?.items);
    const rules = keys.items['x-kubernetes-validations'];
    assert.ok(Array.isArray(rules));
    const message = 'kms is for ImagePolicies only: give the public key as pem or secretRef';
    const items = { ...keys.items, 'x-kubernetes-validations': [...rules, { rule: '!has(self.kms)', message }] };
    const shared = { ...specOf(cluster), properties: { ...others, keys: { ...keys, items } } };
    assert.deepEqual(withoutDescriptions(specOf(namespaced)), withoutDescriptions(shared));
    const { metadata: _a, spec: before, ...around } = cluster;
    const { metadata: _b, spec: after, ...aroundToo } = namespaced;
    assert.deepEqual(around, aroundToo);
    const [{ schema: _c, ...version }] = before.versions;
    const [{ schema: _d, ...versionToo }] = after.versions;
    assert.deepEqual(version, versionToo);
  });

  test('says where its Secrets are', () => {
    const secretRef = specOf(namespaced)?.properties?.['keys']?.items?.properties?.['secretRef'];
    assert.match(secretRef?.description ?? '', /policy's own namespace/);
  });

  test('is not made from a definition that has changed under it', () => {
    assert.throws(() => namespacedDefinition(source.replace('secretRef:', 'secret:')), /has no .*secretRef/);
    assert.throws(() => namespacedDefinition(source.replace('namespaceSelector:', 'selector:')), /namespaceSelector/);
  });
});
