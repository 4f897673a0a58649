// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { digestOf, hexOf } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';
import type { KeyAlgorithm } from './algorithms.ts';
import { decodeBase64 } from '../base64.ts';

export interface PublicKey {
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
  /** SHA-256 of `der`: equal for two spellings of one key, so that it counts once. */
  readonly fingerprint: Digest;
  /** base64 of the same hash, as cosign writes it into key-signed bundles. */
  readonly hint: string;
  /** SubjectPublicKeyInfo, encoded anew. */
  readonly der: Uint8Array;
}

const MAXIMUM_CHARACTERS = 16 * 1024;
const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,40})-----/g;
/** `-----BEGIN` and a blank, as far as it is the same whatever follows. */
const PEM_IN_BASE64 = 'LS0tLS1CRUdJTi';
/** What `cosign --key` takes beside. */
const REFERENCE = /^[a-z0-9-]+:\/\/\S+$/;
const FILE_NAME = /^[^\s:]{0,200}\.(?:key|pem|pub)$/;
/** RFC 1421, 4.6: `Comment: release`; cosign passes over them. */
const HEADERS = /^\s*(?:[ \t]*[A-Za-z][A-Za-z0-9-]{0,60}:.*\n)+/;
/** More would make each verification slow; no key service makes such keys. */
const RSA_BITS = { least: 2048, most: 8192 };
const LEAST_RSA_EXPONENT = 65537n;
const CURVES: Readonly<Record<string, KeyAlgorithm>> = {
  prime256v1: 'ECDSA-P256',
  secp384r1: 'ECDSA-P384',
  secp521r1: 'ECDSA-P521',
};

/**
 * Reads one public key as a person pastes it: PEM with label `PUBLIC KEY` or `RSA PUBLIC KEY`, also
 * indented or folded by YAML, or with CRLF. Text around the block is ignored (RFC 7468, 2).
 *
 * node:crypto alone would take a private key or a certificate for a public key, the first of several
 * blocks for the whole, and bytes after the key for nothing; each of these is an error here.
 *
 * @throws Error with one sentence that says what is wrong; it never quotes the key.
 */
export function parsePublicKey(pem: string): PublicKey {
  const { label, body } = onlyBlock(pem);
  const der = decodeBase64(body.replace(HEADERS, '').replace(/\s+/g, ''));
  if (der === undefined) throw new Error(notBase64(body));
  requireOneDerSequence(der);
  const read = importKey(der, label === 'RSA PUBLIC KEY' ? 'pkcs1' : 'spki');
  const algorithm = algorithmOf(read);
  const key = reencode(read, algorithm);
  const spki = key.export({ format: 'der', type: 'spki' });
  const fingerprint = digestOf(spki);
  const hint = Buffer.from(hexOf(fingerprint), 'hex').toString('base64');
  return { key, algorithm, fingerprint, hint, der: spki };
}

function withoutPem(text: string): string {
  if (text.startsWith(PEM_IN_BASE64)) {
    return 'it is encoded in base64 once too often: decode it (base64 -d), until it begins with -----BEGIN';
  }
  const expected = 'expected -----BEGIN PUBLIC KEY-----, as in cosign.pub';
  if (REFERENCE.test(text)) return `it says where a key is, and is none: name a key of a KMS in kms; else ${expected}`;
  return FILE_NAME.test(text)
    ? `it is the name of a file, not what is in it: ${expected}`
    : `no PEM block found: ${expected}`;
}

function notBase64(body: string): string {
  return body.includes('\\n')
    ? 'its line breaks are written as \\n: in YAML write it after "pem: |", each line of it on a line of its own'
    : 'the text between BEGIN and END is not valid base64';
}

function onlyBlock(pem: string): { label: string; body: string } {
  if (pem.length > MAXIMUM_CHARACTERS) {
    throw new Error(`the key is longer than ${MAXIMUM_CHARACTERS} characters: paste one PEM public key`);
  }
  const begins = [...pem.matchAll(BEGIN)];
  // Private keys first: whatever else is wrong, that is what its owner must hear.
  for (const [, label = ''] of begins) refuseLabel(label);
  const [begin] = begins;
  if (begin === undefined) {
    throw new Error(withoutPem(pem.trim()));
  }
  if (begins.length > 1) {
    throw new Error(`${begins.length} PEM blocks found: give each key an entry of its own`);
  }
  const label = begin[1] ?? '';
  const start = begin.index + begin[0].length;
  const end = pem.indexOf(`-----END ${label}-----`, start);
  if (end === -1) throw new Error(`the PEM block has no line -----END ${label}-----`);
  return { label, body: pem.slice(start, end) };
}

function refuseLabel(label: string): void {
  if (label.endsWith('PRIVATE KEY')) {
    throw new Error(
      'this is a private key (keep it secret, and replace it if it was shared): paste the public key, cosign.pub',
    );
  }
  if (label.endsWith('CERTIFICATE')) {
    throw new Error(
      'this is a certificate: paste the public key in it (openssl x509 -pubkey -noout), or use identities',
    );
  }
  if (label !== 'PUBLIC KEY' && label !== 'RSA PUBLIC KEY') {
    throw new Error(`a PEM block of type ${label} is not supported: expected PUBLIC KEY`);
  }
}

/** One SEQUENCE with a definite length that is all of the bytes (X.690, 10.1). */
function requireOneDerSequence(der: Uint8Array): void {
  const first = der[1];
  if (der[0] !== 0x30 || first === undefined || first === 0x80) throw new Error('the PEM block holds no public key');
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = first < 0x80 ? first : 0;
  for (const byte of der.subarray(2, 2 + lengthBytes)) length = length * 256 + byte;
  const expected = 2 + lengthBytes + length;
  if (der.length > expected) throw new Error(`${der.length - expected} bytes follow the key inside of the PEM block`);
  if (der.length < expected) throw new Error('the key is cut off inside of the PEM block');
}

function importKey(der: Uint8Array, type: 'pkcs1' | 'spki'): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type });
  } catch (cause) {
    throw new Error('the PEM block holds no public key of a known type', { cause });
  }
}

function algorithmOf(key: KeyObject): KeyAlgorithm {
  const type: string = key.asymmetricKeyType ?? 'unknown';
  switch (type) {
    case 'ec':
      return curveOf(key);
    case 'ed25519':
      return 'Ed25519';
    case 'rsa':
      requireStrongRsa(key);
      return 'RSA';
    case 'rsa-pss':
      requireStrongRsa(key);
      return 'RSA-PSS';
    default:
      throw new Error(`keys of type ${type} are not supported: use ECDSA, RSA or Ed25519`);
  }
}

function curveOf(key: KeyObject): KeyAlgorithm {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? 'unknown';
  const algorithm = Object.hasOwn(CURVES, curve) ? CURVES[curve] : undefined;
  if (algorithm === undefined) {
    throw new Error(`the elliptic curve ${curve} is not supported: use P-256, P-384 or P-521`);
  }
  return algorithm;
}

function requireStrongRsa(key: KeyObject): void {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < RSA_BITS.least || modulusLength > RSA_BITS.most) {
    throw new Error(`an RSA key of ${modulusLength} bits is not supported: use ${RSA_BITS.least} to ${RSA_BITS.most}`);
  }
  // With exponent 1 anyone can sign.
  if (publicExponent < LEAST_RSA_EXPONENT || publicExponent % 2n === 0n) {
    throw new Error(`an RSA key with the exponent ${publicExponent} is not supported: use 65537`);
  }
}

/** By way of the bare numbers, so that compressed points and explicit curve parameters do not survive. */
function reencode(key: KeyObject, algorithm: KeyAlgorithm): KeyObject {
  if (algorithm === 'RSA-PSS') return key; // node:crypto has no JWK for it
  return createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
}
