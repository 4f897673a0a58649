// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parsePublicKey } from '../../../../core/keys/public-key.ts';

const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength: number, publicExponent = 65537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent });
const spkiPem = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' });
const spkiDer = (key: KeyObject) => key.export({ format: 'der', type: 'spki' });
const block = (label: string, der: Uint8Array) =>
  `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`;

const p256 = ec('P-256');
const rsa2048 = rsa(2048);

/** A number of so many bits that is nobody's key: finding a real one would take seconds. */
function longRsa(bits: number): KeyObject {
  const modulus = (1n << BigInt(bits - 1)) + 1n;
  const n = Buffer.from(modulus.toString(16).padStart(Math.ceil(bits / 8) * 2, '0'), 'hex').toString('base64url');
  return createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });
}

describe('parsePublicKey', () => {
  const supported: readonly (readonly [string, KeyObject])[] = [
    ['ECDSA-P256', p256.publicKey],
    ['ECDSA-P384', ec('P-384').publicKey],
    ['ECDSA-P521', ec('P-521').publicKey],
    ['RSA', rsa2048.publicKey],
    ['RSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
  ];
  for (const [algorithm, key] of supported) {
    test(`reads a key for ${algorithm} and names it by the hash of its DER`, () => {
      const parsed = parsePublicKey(spkiPem(key));
      const hash = createHash('sha256').update(spkiDer(key)).digest();
      assert.equal(parsed.algorithm, algorithm);
      assert.equal(parsed.fingerprint, `sha256:${hash.toString('hex')}`);
      assert.equal(parsed.hint, hash.toString('base64'));
      assert.deepEqual(Buffer.from(parsed.der), spkiDer(key));
      assert.ok(parsed.key.equals(key));
    });
  }

  test('reads a key that YAML indented, that came with CRLF, or that was folded into one line', () => {
    const pem = spkiPem(p256.publicKey);
    const { fingerprint } = parsePublicKey(pem);
    for (const spelling of [
      pem.replaceAll('\n', '\r\n'),
      pem.replace(/^/gm, '      '),
      `\n\n\t${pem.trim()}  \n`,
      pem.trim().replaceAll('\n', ' '),
      `# the release key\n${pem}`,
      pem.replace('KEY-----\n', 'KEY-----\nComment: release\nX-Owner: a:b\n\n'),
      pem.replace('KEY-----\n', 'KEY-----\nComment: release\n\n').replace(/^/gm, '    '),
    ]) {
      assert.equal(parsePublicKey(spelling).fingerprint, fingerprint);
    }
  });

  test('gives the PKCS#1 and the SPKI spelling of an RSA key one fingerprint', () => {
    const pkcs1 = rsa2048.publicKey.export({ format: 'pem', type: 'pkcs1' });
    assert.equal(parsePublicKey(pkcs1).fingerprint, parsePublicKey(spkiPem(rsa2048.publicKey)).fingerprint);
  });

  test('gives a compressed elliptic curve point the fingerprint of the full one', () => {
    const der = spkiDer(p256.publicKey);
    const full = der.subarray(-65);
    const compressed = compress(full);
    const algorithm = der.subarray(2, der.length - 65 - 3);
    const bits = Buffer.concat([Buffer.from([0x03, compressed.length + 1, 0]), compressed]);
    const spelling = Buffer.concat([Buffer.from([0x30, algorithm.length + bits.length]), algorithm, bits]);
    assert.equal(
      parsePublicKey(block('PUBLIC KEY', spelling)).fingerprint,
      parsePublicKey(spkiPem(p256.publicKey)).fingerprint,
    );
  });

  const refused: readonly (readonly [string, string, RegExp])[] = [
    ['a private key', p256.privateKey.export({ format: 'pem', type: 'pkcs8' }), /private key/],
    ['an EC private key', p256.privateKey.export({ format: 'pem', type: 'sec1' }), /private key/],
    ["cosign's private key", block('ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from('{}')), /private key.*cosign\.pub/],
    ["older cosign's private key", block('ENCRYPTED COSIGN PRIVATE KEY', Buffer.from('{}')), /private key/],
    [
      'a private key after a public one',
      spkiPem(p256.publicKey) + p256.privateKey.export({ format: 'pem', type: 'pkcs8' }),
      /private key/,
    ],
    ['a certificate', block('CERTIFICATE', spkiDer(p256.publicKey)), /certificate/],
    ['a PGP key', block('PGP PUBLIC KEY BLOCK', spkiDer(p256.publicKey)), /PGP PUBLIC KEY BLOCK is not supported/],
    ['no text', '', /no PEM block/],
    ['the name of a file', './keys/cosign.pub', /^it is the name of a file, not what is in it: expected -----BEGIN/],
    [
      'the name of a KMS key',
      'awskms:///alias/a\n',
      /^it says where a key is, and is none: name a key of a KMS in kms/,
    ],
    ['an SSH key', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHk', /no PEM block/],
    ['bare base64', spkiDer(p256.publicKey).toString('base64'), /no PEM block/],
    ['a PEM in base64', Buffer.from(spkiPem(p256.publicKey)).toString('base64'), /base64 once too often/],
    [
      'line breaks that were escaped',
      spkiPem(p256.publicKey).trim().replaceAll('\n', '\\n'),
      /are written as \\n: in YAML/,
    ],
    ['two keys', spkiPem(p256.publicKey) + spkiPem(rsa2048.publicKey), /2 PEM blocks/],
    ['a missing end', spkiPem(p256.publicKey).replace(/-----END[^]*/, ''), /no line -----END PUBLIC KEY-----/],
    ['bad base64', spkiPem(p256.publicKey).replace('MF', 'M!'), /not valid base64/],
    [
      'bytes after the key',
      block('PUBLIC KEY', Buffer.concat([spkiDer(p256.publicKey), Buffer.from([1, 2, 3])])),
      /3 bytes follow the key/,
    ],
    ['a key that is cut off', block('PUBLIC KEY', spkiDer(p256.publicKey).subarray(0, -1)), /cut off/],
    ['an empty block', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----', /no public key/],
    ['bytes that are no key', block('PUBLIC KEY', Buffer.from([0x30, 1, 0])), /no public key/],
    ['a length without end', block('PUBLIC KEY', Buffer.from([0x30, 0x80, 0, 0])), /no public key/],
    ['the curve secp256k1', spkiPem(ec('secp256k1').publicKey), /secp256k1 is not supported: use P-256/],
    ['the curve P-224', spkiPem(ec('P-224').publicKey), /secp224r1 is not supported/],
    ['RSA of 1024 bits', spkiPem(rsa(1024).publicKey), /1024 bits is not supported: use 2048 to 8192/],
    ['RSA of 8200 bits', spkiPem(longRsa(8200)), /8200 bits is not supported: use 2048 to 8192/],
    ['RSA of 2047 bits', spkiPem(longRsa(2047)), /2047 bits/],
    ['RSA with the exponent 3', spkiPem(rsa(2048, 3).publicKey), /exponent 3/],
    ['X25519', spkiPem(generateKeyPairSync('x25519').publicKey), /type x25519 are not supported/],
    ['Ed448', spkiPem(generateKeyPairSync('ed448').publicKey), /type ed448 are not supported/],
    ['a text too long', `${' '.repeat(16 * 1024)}${spkiPem(p256.publicKey)}`, /longer than 16384 characters/],
  ];
  for (const [what, pem, message] of refused) {
    test(`refuses ${what} and says so`, () => {
      assert.throws(() => parsePublicKey(pem), { name: 'Error', message });
    });
  }

  test('says nothing of what was pasted in the error for a private key', () => {
    const pem = p256.privateKey.export({ format: 'pem', type: 'pkcs8' });
    const secret = pem.split('\n')[1] ?? '';
    assert.throws(
      () => parsePublicKey(pem),
      (error: Error) => secret.length > 40 && !error.message.includes(secret.slice(0, 10)),
    );
  });

  test('takes a changed byte only where it spells the same key', () => {
    const der = spkiDer(p256.publicKey);
    const fingerprint: string = parsePublicKey(spkiPem(p256.publicKey)).fingerprint;
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = Buffer.from(der);
        changed[at] = (changed[at] ?? 0) ^ change;
        assert.ok([fingerprint, 'none'].includes(fingerprintOrNone(block('PUBLIC KEY', changed))));
      }),
    );
  });
});

function fingerprintOrNone(pem: string): string {
  try {
    return parsePublicKey(pem).fingerprint;
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.match(error.message, /^[^\n]{10,200}$/);
    return 'none';
  }
}

/** The compressed form of a P-256 point (SEC 1, 2.3.3): the parity of y, then x. */
function compress(full: Uint8Array): Uint8Array {
  return Uint8Array.from([2 + ((full[64] ?? 0) & 1), ...full.subarray(1, 33)]);
}
