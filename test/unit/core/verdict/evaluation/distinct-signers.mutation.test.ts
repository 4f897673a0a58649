// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { IdentitySigner } from '../../../../../core/policy/signers/identity/identity-signer.ts';
import type { KeySigner } from '../../../../../core/policy/signers/key/key-signer.ts';
import { signerIdentity } from '../../../../../core/policy/signers/signers.ts';
import { countDistinct } from '../../../../../core/verdict/evaluation/distinct-signers.ts';

const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const any = { source: '/.*/', matches: () => true };

function key(name: string, fingerprint: string): KeySigner {
  return { kind: 'key', name, fingerprint: `sha256:${fingerprint}`, algorithm: 'ECDSA-P256', key: publicKey };
}

function identity(name: string): IdentitySigner {
  return { kind: 'identity', name, issuer: any, subject: any, trustRoot: 'public-good' };
}

test('keys are told apart by fingerprint and identities by name', () => {
  assert.equal(signerIdentity(key('a', '01')), 'key sha256:01');
  assert.equal(signerIdentity(identity('a')), 'identity a');
});

test('an identity keeps each holder that was proven for it', () => {
  const proofs = [
    { signer: identity('b'), holder: 'x' },
    { signer: identity('b'), holder: 'y' },
    { signer: identity('a'), holder: 'y' },
  ];
  assert.equal(countDistinct(proofs), 2);
});
