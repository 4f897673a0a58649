// SPDX-License-Identifier: Apache-2.0
import { constants, publicDecrypt, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';

export type KeyAlgorithm = 'ECDSA-P256' | 'ECDSA-P384' | 'ECDSA-P521' | 'RSA' | 'RSA-PSS' | 'Ed25519';

export type HashName = 'sha256' | 'sha384' | 'sha512';

/** The part of a `KeySigner` (or of a parsed public key) that verifies. */
export interface VerificationKey {
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
}

const HASHES: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/**
 * The hashes that an ECDSA signature may be over, the likely one first: cosign takes the curve's own since 2.6 and
 * SHA-256 before; key services (KMS, HSM) let their users choose. Trying several proves no less: a signature over one
 * hash says nothing about another.
 */
const ECDSA_HASHES: Readonly<Record<EcdsaAlgorithm, readonly HashName[]>> = {
  'ECDSA-P256': HASHES,
  'ECDSA-P384': ['sha384', 'sha256', 'sha512'],
  'ECDSA-P521': ['sha512', 'sha256', 'sha384'],
};

type EcdsaAlgorithm = Exclude<KeyAlgorithm, 'RSA' | 'RSA-PSS' | 'Ed25519'>;

/**
 * True: `signature` over `signedBytes` is by this key, in one of the ways that cosign and key services sign with keys of
 * its algorithm: with SHA-256, SHA-384 or SHA-512, never SHA-1; RSA by PKCS #1 v1.5 or PSS. ECDSA signatures are ASN.1
 * DER. Never throws for a bad signature.
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
  const byHash = (padding?: RsaPadding) => (hash: HashName) =>
    verifies(hash, padding === undefined ? key : { key, ...padding }, signedBytes, signature);
  switch (algorithm) {
    case 'Ed25519':
      if (verifies(null, key, signedBytes, signature)) return null;
      return verifiesPrehashed(key, signedBytes, signature) ? 'sha512' : undefined;
    case 'RSA':
      return byRsa(key, signature, byHash);
    case 'RSA-PSS':
      return HASHES.find(byHash(PSS));
    case 'ECDSA-P256':
    case 'ECDSA-P384':
    case 'ECDSA-P521':
    default:
      return ECDSA_HASHES[algorithm].find(byHash());
  }
}

export interface RsaPadding {
  readonly padding: number;
  readonly saltLength?: number;
}

const PKCS1: RsaPadding = { padding: constants.RSA_PKCS1_PADDING };
/** With a salt of any length: Google's and Azure's services take the hash's, OpenSSL the longest. */
export const PSS: RsaPadding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };

/**
 * An ordinary RSA key signs either way. What the signature holds tells which, so that one by another key costs two
 * operations, not six.
 */
function byRsa(
  key: KeyObject,
  signature: Uint8Array,
  byHash: (padding: RsaPadding) => (hash: HashName) => boolean,
): HashName | undefined {
  if (byHash(PKCS1)('sha256')) return 'sha256';
  const encoded = rawRsa(key, signature);
  if (encoded === undefined) return undefined;
  // RFC 8017, 9.2: 0x00 0x01 0xff…; 9.1.1: …0xbc.
  if (encoded[0] === 0 && encoded[1] === 1) return HASHES.slice(1).find(byHash(PKCS1));
  return encoded.at(-1) === 0xbc ? HASHES.find(byHash(PSS)) : undefined;
}

/** The bytes inside of an RSA signature; undefined where it is none of this key's length. */
export function rawRsa(key: KeyObject, signature: Uint8Array): Uint8Array | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    return undefined;
  }
}

type VerifyKey =
  | KeyObject
  | ({ readonly key: KeyObject } & RsaPadding)
  | { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' };

/** False also for what is no signature at all. @param hash null: none. */
export function verifies(hash: string | null, key: VerifyKey, signedBytes: Uint8Array, signature: Uint8Array): boolean {
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
