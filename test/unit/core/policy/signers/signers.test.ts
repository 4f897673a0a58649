// SPDX-License-Identifier: Apache-2.0
// Signers that can't be read whole: each is a problem, and none is half there.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import { secretNames } from '../../../../../core/policy/signers/signers.ts';
import { EMPTY_CONTEXT, PEM, policy } from '../examples.ts';

/** Reason and place of each problem, and how many signers there are. */
function compiled(spec: Partial<ImagePolicySpec>): readonly unknown[] {
  const { problems, signers } = compilePolicy(policy(spec), EMPTY_CONTEXT);
  return [...problems.map(({ reason, path }) => `${reason} ${path}`), signers.length];
}

describe('a key', () => {
  test('with a time that is none to us, as a leap second, is a problem and not one without limit', () => {
    const keys = [{ pem: PEM, notAfter: '2016-12-31T23:59:60Z' }];
    assert.deepEqual(compiled({ keys }), ['InvalidSpec spec.keys[0].notAfter', 1]);
  });

  test('that is valid for no time at all is a problem, and for a second is none', () => {
    const notBefore = '2026-01-01T00:00:00Z';
    for (const [notAfter, expected] of [
      ['2026-01-01T00:00:00Z', ['InvalidSpec spec.keys[0]', 1]],
      ['2026-01-01T00:00:01Z', [1]],
    ] as const) {
      assert.deepEqual(compiled({ keys: [{ pem: PEM, notBefore, notAfter }] }), expected);
    }
  });
});

test('an identity of which either half can not be read is no signer', () => {
  for (const [identity, place] of [
    [{ issuerPattern: '(', subject: 'somebody' }, 'issuerPattern'],
    [{ issuer: 'https://issuer.example', subjectPattern: '(' }, 'subjectPattern'],
  ] as const) {
    // The key is the one signer.
    assert.deepEqual(compiled({ identities: [identity] }), [`InvalidPattern spec.identities[0].${place}`, 1]);
  }
});

test('an identity of which a claim can not be read is no signer: without the claim it would trust more', () => {
  const claims = [
    { name: 'buildTrigger', value: 'push' },
    { name: 'sourceRepositoryRef', valuePattern: '(' },
  ] as const;
  const identities = [{ issuer: 'https://issuer.example', subject: 'somebody', claims }];
  assert.deepEqual(compiled({ identities }), ['InvalidPattern spec.identities[0].claims[1].valuePattern', 1]);
});

const inSecret = (name: string) => ({ secretRef: { name, key: 'k' } });

test('Secrets are read for keys, for certificates and for the repository of signatures', () => {
  const spec = {
    images: ['**'],
    keys: [{ pem: PEM }, inSecret('of-key')],
    certificates: [{ ...inSecret('of-authority'), subject: 's' }],
    signatureSecret: 'of-place',
  };
  assert.deepEqual(secretNames(spec), ['of-key', 'of-authority', 'of-place']);
});
