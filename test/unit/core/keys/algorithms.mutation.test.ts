// SPDX-License-Identifier: Apache-2.0
// Signatures at which the cryptography underneath throws: the answer must still be no.
import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { verifyWithKey } from '../../../../core/keys/algorithms.ts';

const BYTES = Buffer.from('signed bytes');

test('a key that does not allow the hash verifies nothing', () => {
  const options = { modulusLength: 2048, hashAlgorithm: 'sha512', mgf1HashAlgorithm: 'sha512' };
  const { publicKey } = generateKeyPairSync('rsa-pss', options);
  const signature = Buffer.alloc(256);
  assert.throws(() => verify('sha256', BYTES, publicKey, signature));
  assert.equal(verifyWithKey({ key: publicKey, algorithm: 'RSA-PSS' }, BYTES, signature), false);
});

test('an Ed25519 signature of a wrong length verifies nothing', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  for (const length of [0, 10, 63, 65]) {
    const signature = Buffer.alloc(length);
    assert.throws(() => ed25519ph.verify(signature, BYTES, Buffer.from(x, 'base64url')));
    assert.equal(verifyWithKey({ key: publicKey, algorithm: 'Ed25519' }, BYTES, signature), false);
  }
});
