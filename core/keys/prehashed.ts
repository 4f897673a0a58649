// SPDX-License-Identifier: Apache-2.0
import { constants, publicDecrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { HashName, VerificationKey } from './algorithms.ts';

/** DigestInfo before the digest (RFC 8017, 9.2). */
const DIGEST_INFOS: Readonly<Record<HashName, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};
const CURVES = { 'ECDSA-P256': p256, 'ECDSA-P384': p384, 'ECDSA-P521': p521 };
/** What cosign signs with a key of this kind. */
const OWN_HASHES: Readonly<Record<keyof typeof CURVES | 'RSA', HashName>> = {
  'ECDSA-P256': 'sha256',
  'ECDSA-P384': 'sha384',
  'ECDSA-P521': 'sha512',
  RSA: 'sha256',
};

/** All that is at hand of what was signed. */
export interface Prehashed {
  readonly hash: HashName;
  readonly digest: Uint8Array;
}

/**
 * As `verifyWithKey`, where only one digest of the signed bytes is at hand; node:crypto wants the bytes.
 * @throws Error where the signature may be over something else than that digest.
 */
export function verifyPrehashed(
  { key, algorithm }: VerificationKey,
  { hash, digest }: Prehashed,
  signature: Uint8Array,
): boolean {
  switch (algorithm) {
    case 'ECDSA-P256':
    case 'ECDSA-P384':
    case 'ECDSA-P521':
      // Older cosign signs SHA-256 with each, key services what their users choose.
      return verifiesCurve(key, algorithm, digest, signature) || proves(hash === OWN_HASHES[algorithm], algorithm);
    case 'RSA':
      return verifiesRsa(key, { hash, digest }, signature) || proves(hash === OWN_HASHES[algorithm], algorithm);
    case 'RSA-PSS':
    case 'Ed25519':
    default:
      return needsArtifact(algorithm);
  }
}

/** That it is not by the key, which a failure with another hash than the key's own does not. */
function proves(isOwnHash: boolean, algorithm: string): false {
  return isOwnHash ? false : needsArtifact(algorithm);
}

function needsArtifact(algorithm: string): never {
  throw new Error(`a signature by a key of type ${algorithm} can only be checked with the artifact itself`);
}

function verifiesCurve(
  key: KeyObject,
  algorithm: keyof typeof CURVES,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const { x = '', y = '' } = key.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    return CURVES[algorithm].verify(signature, digest, point, { prehash: false, lowS: false, format: 'der' });
  } catch {
    return false; // a signature that is not even DER
  }
}

/** PKCS #1 v1.5: the padding is checked by OpenSSL, what is inside must be this DigestInfo and nothing else. */
function verifiesRsa(key: KeyObject, { hash, digest }: Prehashed, signature: Uint8Array): boolean {
  try {
    const inside = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return inside.equals(Buffer.concat([DIGEST_INFOS[hash], digest]));
  } catch {
    return false;
  }
}
