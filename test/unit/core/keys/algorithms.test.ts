// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { constants, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { signedHash, verifyWithKey } from '../../../../core/keys/algorithms.ts';
import { parsePublicKey } from '../../../../core/keys/public-key.ts';
import { createLayoutRegistry } from '../../../vectors/cosign/layout-registry.ts';
import {
  inputFor,
  publicKey,
  readReferrers,
  readSimpleSigning,
  signersOf,
} from '../../../vectors/cosign/read-evidence.ts';
import { ed25519ph } from '@noble/curves/ed25519.js';

const message = Buffer.from('what was signed');
const parsed = (key: KeyObject) => parsePublicKey(key.export({ format: 'pem', type: 'spki' }));
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });

describe('verifyWithKey', () => {
  for (const key of ['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519']) {
    test(`accepts what cosign signed with ${key}, in both formats, by that key and no other`, async () => {
      const registry = createLayoutRegistry();
      const simple = await readSimpleSigning(inputFor(`keys/${key}:sig`, registry));
      const bundles = await readReferrers(inputFor(`keys/${key}:bundle`, registry));
      const found = [...simple.signatures, ...bundles.signatures];
      assert.deepEqual(found.map(signersOf), [[key], [key]]);
    });
  }

  for (const [image, key] of [
    ['keys/p384:sha256', 'p384'],
    ['keys/p521:sha256', 'p521'],
    ['keys/ed25519:pure', 'ed25519'],
    ['keys/rsapss:sig', 'rsapss'],
  ] as const) {
    test(`accepts ${image}, signed as older cosign and key services sign`, async () => {
      const { signatures } = await readSimpleSigning(inputFor(image, createLayoutRegistry()));
      assert.deepEqual(signatures.map(signersOf), [[key]]);
    });
  }

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const PADDINGS = {
    'PKCS #1 v1.5': { padding: constants.RSA_PKCS1_PADDING },
    'PSS with a salt as long as the hash': {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    },
    'PSS with the longest salt': {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN,
    },
    'PSS with no salt': { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 0 },
  };
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
    for (const [name, padding] of Object.entries(PADDINGS)) {
      test(`accepts ${hash} by an ordinary RSA key and ${name}, of this key only`, () => {
        const signature = sign(hash, message, { key: rsa.privateKey, ...padding });
        assert.equal(signedHash(parsed(rsa.publicKey), message, signature), hash);
        assert.equal(verifyWithKey(parsed(rsa.publicKey), Buffer.from('other bytes'), signature), false);
        assert.equal(verifyWithKey(publicKey('rsa2048'), message, signature), false);
      });
    }
    for (const curve of ['P-256', 'P-384', 'P-521']) {
      test(`accepts ${hash} by a key on ${curve}, of this key only`, () => {
        const [own, another] = [ec(curve), ec(curve)];
        const signature = sign(hash, message, own.privateKey);
        assert.equal(signedHash(parsed(own.publicKey), message, signature), hash);
        assert.equal(verifyWithKey(parsed(own.publicKey), Buffer.from('other bytes'), signature), false);
        assert.equal(verifyWithKey(parsed(another.publicKey), message, signature), false);
      });
    }
  }

  test('accepts every hash by a key that is for PSS only, and no other padding', () => {
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
    for (const hash of ['sha256', 'sha384', 'sha512']) {
      assert.equal(signedHash(parsed(pss.publicKey), message, sign(hash, message, pss.privateKey)), hash);
    }
    assert.equal(verifyWithKey(parsed(pss.publicKey), message, sign('sha1', message, pss.privateKey)), false);
  });

  test('refuses SHA-1, SHA-224, MD5 and other encodings', () => {
    const p256 = ec('P-256');
    const p384 = ec('P-384');
    const pss = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING };
    for (const [key, signature] of [
      [p256.publicKey, sign('sha1', message, p256.privateKey)],
      [p256.publicKey, sign('sha224', message, p256.privateKey)],
      [p384.publicKey, sign('sha3-384', message, p384.privateKey)],
      [rsa.publicKey, sign('sha1', message, rsa.privateKey)],
      [rsa.publicKey, sign('sha224', message, rsa.privateKey)],
      [rsa.publicKey, sign('sha1', message, pss)],
      [rsa.publicKey, sign('sha224', message, pss)],
      [p256.publicKey, sign('sha256', message, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' })],
    ] as const) {
      assert.equal(verifyWithKey(parsed(key), message, signature), false);
    }
  });

  test('refuses an ECDSA signature in any other encoding than DER', () => {
    const { privateKey, publicKey: key } = ec('P-256');
    const signature = sign('sha256', message, privateKey);
    const [tag = 0, length = 0] = signature;
    const longLength = Buffer.concat([Buffer.from([tag, 0x81, length]), signature.subarray(2)]);
    const trailing = Buffer.concat([signature, Buffer.from([0])]);
    assert.equal(verifyWithKey(parsed(key), message, signature), true);
    assert.equal(verifyWithKey(parsed(key), message, longLength), false);
    assert.equal(verifyWithKey(parsed(key), message, trailing), false);
  });

  test('takes the twin of an ECDSA signature for one by the same key, so it can count only once', () => {
    const { privateKey, publicKey: key } = ec('P-256');
    const twin = twinOf(sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
    assert.equal(verifyWithKey(parsed(key), message, twin), true);
    assert.equal(verifyWithKey(publicKey('release'), message, twin), false);
  });

  test('answers false, and never throws, for any bytes and any key', () => {
    const names = ['p256', 'p384', 'p521', 'rsa2048', 'ed25519', 'rsapss'];
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.uint8Array(),
        fc.uint8Array({ maxLength: 300 }),
        (name, bytes, made) => {
          assert.equal(verifyWithKey(publicKey(name), bytes, made), false);
        },
      ),
      { numRuns: 200 },
    );
  });
});

/** (r, n - s) of a P-256 signature (r, s), in DER: it verifies wherever the signature does. */
function twinOf(signature: Uint8Array): Uint8Array {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const integers = [Buffer.from(signature.subarray(0, 32)), hexBytes(order - s)].map(derInteger);
  const body = Buffer.concat(integers);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

function hexBytes(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
}

function derInteger(bytes: Buffer): Buffer {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(start);
  const padded = (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), digits]) : digits;
  return Buffer.concat([Buffer.from([0x02, padded.length]), padded]);
}

// Signatures at which the cryptography underneath throws: the answer must still be no.

const BYTES = Buffer.from('signed bytes');

test('a key that does not allow the hash verifies nothing', () => {
  const options = { modulusLength: 2048, hashAlgorithm: 'sha512', mgf1HashAlgorithm: 'sha512' };
  const { publicKey: key } = generateKeyPairSync('rsa-pss', options);
  const signature = Buffer.alloc(256);
  assert.throws(() => verify('sha256', BYTES, key, signature));
  assert.equal(verifyWithKey({ key, algorithm: 'RSA-PSS' }, BYTES, signature), false);
});

test('an Ed25519 signature of a wrong length verifies nothing', () => {
  const { publicKey: key } = generateKeyPairSync('ed25519');
  const { x = '' } = key.export({ format: 'jwk' });
  for (const length of [0, 10, 63, 65]) {
    const signature = Buffer.alloc(length);
    assert.throws(() => ed25519ph.verify(signature, BYTES, Buffer.from(x, 'base64url')));
    assert.equal(verifyWithKey({ key, algorithm: 'Ed25519' }, BYTES, signature), false);
  }
});
