// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, createHash, generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { verifyWithKey } from '../../../../core/keys/algorithms.ts';
import { parsePublicKey } from '../../../../core/keys/public-key.ts';
import { unacceptedWay } from '../../../../core/keys/unaccepted.ts';

const message = Buffer.from('what was signed');
const folder = mkdtempSync(join(tmpdir(), 'cosignet-unaccepted-'));
after(() => rmSync(folder, { recursive: true }));

const parsed = (key: KeyObject) => parsePublicKey(key.export({ format: 'pem', type: 'spki' }));
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pssOnly = generateKeyPairSync('rsa-pss', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const raw = { key: p256.privateKey, dsaEncoding: 'ieee-p1363' } as const;
const pss = { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING };
const sha256 = createHash('sha256').update(message).digest();

/** By OpenSSL, which knows a mask by another hash. */
function byOpenssl(options: readonly string[]): Buffer {
  const [key, input] = [join(folder, 'key.pem'), join(folder, 'input')];
  writeFileSync(key, rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  writeFileSync(input, message);
  const given = options.flatMap((option) => ['-pkeyopt', option]);
  const args = ['pkeyutl', '-sign', '-rawin', '-inkey', key, '-in', input, '-digest', 'sha256', ...given];
  return execFileSync('openssl', args);
}

const ECDSA = 'ECDSA over SHA-256, SHA-384 or SHA-512 as ASN.1 DER';
const RSA = 'PKCS #1 v1.5 or PSS over SHA-256, SHA-384 or SHA-512';
const MASKED = ['rsa_padding_mode:pss', 'rsa_mgf1_md:sha1', 'rsa_pss_saltlen:digest'];
const CASES: readonly (readonly [key: KeyObject, signature: Buffer, way: string, accepted: string])[] = [
  [p256.publicKey, sign('sha1', message, p256.privateKey), 'over SHA-1', ECDSA],
  [p521.publicKey, sign('sha3-512', message, p521.privateKey), 'over SHA3-512', ECDSA],
  [p256.publicKey, sign('sha256', message, raw), 'over SHA-256, as r and s side by side (IEEE P1363)', ECDSA],
  [
    p256.publicKey,
    sign('sha256', sha256, p256.privateKey),
    'over the SHA-256 of the payload in place of the payload',
    ECDSA,
  ],
  [rsa.publicKey, sign('sha1', message, rsa.privateKey), 'by PKCS #1 v1.5 over SHA-1', RSA],
  [rsa.publicKey, sign('sha224', message, pss), 'by PSS over SHA-224', RSA],
  [rsa.publicKey, byOpenssl(MASKED), 'by PSS over SHA-256 with a mask by SHA-1', RSA],
  [pssOnly.publicKey, sign('sha1', message, pssOnly.privateKey), 'by PSS over SHA-1', RSA.slice(RSA.indexOf('PSS'))],
  [
    ed25519.publicKey,
    sign(null, sha256, ed25519.privateKey),
    'over the SHA-256 of the payload in place of the payload',
    'Ed25519 or Ed25519ph',
  ],
];

describe('a signature that a key made in a way that does not count', () => {
  for (const [key, signature, way, accepted] of CASES) {
    test(`${way}, is refused, and said to be so`, () => {
      assert.equal(verifyWithKey(parsed(key), message, signature), false);
      assert.equal(unacceptedWay(parsed(key), message, signature), `${way}, which is not accepted: use ${accepted}`);
    });
  }

  test('is that of the key alone, about these bytes alone', () => {
    const others = {
      p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    };
    for (const [key, signature] of CASES) {
      assert.equal(unacceptedWay(parsed(key), Buffer.from('other bytes'), signature), undefined);
      for (const { publicKey } of Object.values(others)) {
        assert.equal(unacceptedWay(parsed(publicKey), message, signature), undefined);
      }
    }
  });

  test('may be any bytes: nothing is thrown', () => {
    for (const [key, signature] of CASES) {
      for (const bytes of [Buffer.alloc(0), Buffer.from([0x30]), signature.subarray(0, -1), Buffer.alloc(256, 0xbc)]) {
        assert.equal(unacceptedWay(parsed(key), message, bytes), undefined);
      }
    }
  });
});
