// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, privateEncrypt, constants, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import type { HashName } from '../../../../core/keys/algorithms.ts';
import { verifyPrehashed } from '../../../../core/keys/prehashed.ts';

const BYTES = Buffer.from('an artifact\n');
const digest = (hash: string, bytes = BYTES): Buffer => createHash(hash).update(bytes).digest();
const SHA256 = digest('sha256');
const OTHER = digest('sha256', Buffer.from('another artifact\n'));

const pairs = {
  'ECDSA-P256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'ECDSA-P384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'ECDSA-P521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

function verifies(
  algorithm: keyof typeof pairs,
  hashed: Uint8Array,
  signature: Uint8Array,
  hash: HashName = 'sha256',
): boolean {
  return verifyPrehashed({ key: pairs[algorithm].publicKey, algorithm }, { hash, digest: hashed }, signature);
}

/** As a signature, whatever is inside. */
function wrap(inside: Buffer): Buffer {
  return privateEncrypt({ key: pairs.RSA.privateKey, padding: constants.RSA_PKCS1_PADDING }, inside);
}

for (const algorithm of ['ECDSA-P256', 'ECDSA-P384', 'ECDSA-P521', 'RSA'] as const) {
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
    test(`a signature by ${algorithm} over ${hash} is verified from the digest alone`, () => {
      const signature = sign(hash, BYTES, pairs[algorithm].privateKey);
      assert.equal(verifies(algorithm, digest(hash), signature, hash), true);
      assert.throws(() => assert.equal(verifies(algorithm, digest(hash, Buffer.from('other')), signature, hash), true));
    });
  }
}

describe('verifies nothing', () => {
  for (const algorithm of ['ECDSA-P256', 'RSA'] as const) {
    const right = sign('sha256', BYTES, pairs[algorithm].privateKey);
    const spoiled: readonly (readonly [string, Uint8Array])[] = [
      ['nothing', Buffer.alloc(0)],
      ['zeros', Buffer.alloc(right.length)],
      ['one changed bit', right.with(right.length - 1, (right.at(-1) ?? 0) ^ 1)],
      ['a part', right.subarray(1)],
      ['another key', sign('sha256', BYTES, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)],
    ];
    for (const [what, signature] of spoiled) {
      test(`${algorithm}: ${what}`, () => assert.equal(verifies(algorithm, SHA256, signature), false));
    }

    test(`${algorithm}: the signature of another digest`, () => {
      assert.equal(verifies(algorithm, OTHER, right), false);
    });
  }

  test('RSA: a padded digest without the name of its hash, or with another one, or more behind it', () => {
    const info = Buffer.from('3031300d060960864801650304020105000420', 'hex');
    assert.equal(verifies('RSA', SHA256, wrap(Buffer.concat([info, SHA256]))), true);
    for (const inside of [
      SHA256,
      Buffer.concat([info.with(14, 2), SHA256]),
      Buffer.concat([info, SHA256, Buffer.alloc(1)]),
      Buffer.concat([info, OTHER]),
    ]) {
      assert.equal(verifies('RSA', SHA256, wrap(inside)), false);
    }
  });
});

describe('cannot tell without the artifact', () => {
  for (const [algorithm, hash] of [
    ['ECDSA-P256', 'sha512'],
    ['ECDSA-P384', 'sha256'],
    ['ECDSA-P521', 'sha256'],
    ['RSA', 'sha512'],
  ] as const) {
    test(`of ${algorithm}, what ${hash} does not prove: another hash is its own`, () => {
      const signature = sign('sha1', BYTES, pairs[algorithm].privateKey);
      assert.throws(() => verifies(algorithm, digest(hash), signature, hash), {
        message: `a signature by a key of type ${algorithm} can only be checked with the artifact itself`,
      });
    });
  }

  for (const algorithm of ['RSA-PSS', 'Ed25519'] as const) {
    test(algorithm, () => {
      const { publicKey: key } = generateKeyPairSync('ed25519');
      assert.throws(
        () => verifyPrehashed({ key, algorithm }, { hash: 'sha256', digest: SHA256 }, Buffer.alloc(64)),
        /with the artifact itself/,
      );
    });
  }
});
