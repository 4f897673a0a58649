// SPDX-License-Identifier: Apache-2.0
// Keys that a KMS holds: all versions of one are one signer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KmsEntry } from '../../../../../../core/kms/types.ts';
import { compilePolicy } from '../../../../../../core/policy/compile/compile.ts';
import type { ImagePolicySpec } from '../../../../../../core/policy/documents/image-policy.gen.ts';
import { kindOf, signerIdentity } from '../../../../../../core/policy/signers/signers.ts';
import { EMPTY_CONTEXT, newPem, policy } from '../../examples.ts';

const [A, B, C, D] = [newPem(), newPem(), newPem(), newPem()];
const ENTRIES: Readonly<Record<string, KmsEntry>> = {
  ab: { pems: [A, B] },
  bc: { pems: [B, C] },
  cd: { pems: [C, D] },
  d: { pems: [D] },
  strange: { pems: ['no key', A] },
  none: { pems: ['no key'] },
  sealed: { unavailable: 'Vault is sealed' },
};
const context = {
  ...EMPTY_CONTEXT,
  kms: ({ resource }: { readonly resource: string }) => ENTRIES[resource] ?? { pems: [] },
};
const of = (name: string) => ({ kms: `hashivault://${name}` });
const compiled = (spec: Partial<ImagePolicySpec>, kind = 'ImagePolicy') => {
  const document = policy(spec);
  const metadata = kind === 'ImagePolicy' ? document.metadata : { ...document.metadata, namespace: 'team' };
  return compilePolicy({ ...document, kind, metadata }, context);
};
const problems = (spec: Partial<ImagePolicySpec>, kind?: string) =>
  compiled(spec, kind).problems.map(({ reason, path }) => `${reason} ${path}`);

describe('keys of a KMS', () => {
  test('are told in the status version by version, the newest first', () => {
    const { signers } = compiled({ keys: [{ name: 'release', ...of('ab') }] });
    const told = signers.flatMap((signer) => kindOf(signer).keyStatus(signer));
    assert.deepEqual(
      told.map(({ name }) => name),
      ['release', 'release'],
    );
    assert.equal(new Set(told.map(({ fingerprint }) => fingerprint)).size, 2);
    assert.equal(
      told[0]?.fingerprint,
      compiled({ keys: [{ pem: A }] })
        .signers.map(signerIdentity)[0]
        ?.slice('key '.length),
    );
  });

  test('are one signer with every entry that has a version in common, also by way of another', () => {
    const identities = (...names: string[]) =>
      new Set(compiled({ keys: names.map(of) }).signers.map(signerIdentity)).size;
    assert.equal(identities('ab', 'cd'), 2);
    assert.equal(identities('ab', 'bc'), 1);
    assert.equal(identities('ab', 'cd', 'bc'), 1);
    assert.equal(identities('ab', 'd'), 2);
    assert.deepEqual(problems({ keys: [of('ab'), { pem: B }], threshold: 2 }), ['InvalidSpec spec.threshold']);
    assert.deepEqual(problems({ keys: [of('ab'), { pem: C }], threshold: 2 }), []);
  });

  test('that can not be used do not count; where none can, the policy is not Ready', () => {
    assert.equal(compiled({ keys: [of('strange')] }).problems.length, 0);
    assert.deepEqual(problems({ keys: [of('none')] }), ['InvalidKey spec.keys[0].kms']);
    assert.deepEqual(problems({ keys: [of('sealed')] }), ['KeyUnavailable spec.keys[0].kms']);
    assert.deepEqual(problems({ keys: [{ kms: 'hashivault://../sys' }] }), ['InvalidKey spec.keys[0].kms']);
    assert.deepEqual(problems({ keys: [{ pem: A, ...of('ab') }] }), ['InvalidSpec spec.keys[0]']);
  });

  test('are not for policies of a namespace, and are not even looked up for them', () => {
    let asked = 0;
    const counting = { ...context, kms: () => ((asked += 1), { pems: [A] }) };
    const { metadata, spec } = policy({ keys: [of('ab')] });
    const own = { kind: 'NamespacedImagePolicy', metadata: { ...metadata, namespace: 'team' }, spec };
    const found = compilePolicy(own, counting).problems.map(({ reason, path }) => `${reason} ${path}`);
    assert.deepEqual([found, asked], [['InvalidSpec spec.keys[0].kms'], 0]);
  });

  test('are unavailable where nobody reads them', () => {
    const { problems: found } = compilePolicy(policy({ keys: [of('ab')] }), EMPTY_CONTEXT);
    assert.deepEqual(
      found.map(({ reason }) => reason),
      ['KeyUnavailable'],
    );
  });
});
