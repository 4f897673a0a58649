// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';

export type KeyAlgorithm = 'ECDSA-P256' | 'ECDSA-P384' | 'ECDSA-P521' | 'RSA' | 'RSA-PSS' | 'Ed25519';

export type HashName = 'sha256' | 'sha384' | 'sha512';

/** The part of a `KeySigner` (or of a parsed public key) that verifies. */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
}

/**
 * Hashes that a signature may be over. cosign signs P-384 and P-521 with the curve's own hash since
 * 2.6 and with SHA-256 before. Trying both proves no less: a signature over one hash says nothing
 * about another.
 */
const HASHES: Readonly<Record<Exclude<KeyAlgorithm, 'Ed25519'>, readonly HashName[]>> = {
  'ECDSA-P256': ['sha256'],
  'ECDSA-P384': ['sha384', 'sha256'],
  'ECDSA-P521': ['sha512', 'sha256'],
  RSA: ['sha256'], // PKCS #1 v1.5
  'RSA-PSS': ['sha256'], // only where the key itself says so, by id-RSASSA-PSS
};

/**
 * True: `signature` over `signedBytes` is by this key, in one of the ways that cosign signs with keys of
 * its algorithm. ECDSA signatures are ASN.1 DER. Never throws for a bad signature.
 */
export function verifyWithKey(signer: VerificationKey, signedBytes: Uint8Array, signature: Uint8Array): boolean {
  return signedHash(signer, signedBytes, signature) !== undefined;
}

/** As `verifyWithKey`: the hash that the signature is over, null for Ed25519 without one; undefined where it is not by the key. */
export function signedHash(
  { key, algorithm }: VerificationKey,
  signedBytes: Uint8Array,
  signature: Uint8Array,
): HashName | null | undefined {
  if (algorithm !== 'Ed25519') return HASHES[algorithm].find((hash) => verifies(hash, key, signedBytes, signature));
  if (verifies(null, key, signedBytes, signature)) return null;
  return verifiesPrehashed(key, signedBytes, signature) ? 'sha512' : undefined;
}

function verifies(hash: string | null, key: KeyObject, signedBytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify(hash, signedBytes, key, signature);
  } catch {
    return false; // OpenSSL throws where a signature is not even well-formed for the key
  }
}

/** Ed25519ph (RFC 8032, 5.1): what cosign writes since 2.6, and what node:crypto does not know. */
function verifiesPrehashed(key: KeyObject, signedBytes: Uint8Array, signature: Uint8Array): boolean {
  try {
    const { x = '' } = key.export({ format: 'jwk' });
    return ed25519ph.verify(signature, signedBytes, Buffer.from(x, 'base64url'), { zip215: false });
  } catch {
    return false;
  }
}
