// SPDX-License-Identifier: Apache-2.0
import { constants, publicDecrypt } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { VerificationKey } from './algorithms.ts';

/** DigestInfo of SHA-256 before the digest (RFC 8017, 9.2). */
const SHA256_DIGEST_INFO = Buffer.from('3031300d060960864801650304020105000420', 'hex');
const CURVES = { 'ECDSA-P256': p256, 'ECDSA-P384': p384, 'ECDSA-P521': p521 };

/**
 * As `verifyWithKey`, where only the SHA-256 of the signed bytes is at hand; node:crypto wants the bytes.
 * @throws Error where the key's signatures are over something else than SHA-256.
 */
export function verifyPrehashed(
  { key, algorithm }: VerificationKey,
  sha256: Uint8Array,
  signature: Uint8Array,
): boolean {
  switch (algorithm) {
    case 'ECDSA-P256':
      return verifiesCurve(key, algorithm, sha256, signature);
    case 'ECDSA-P384':
    case 'ECDSA-P521':
      // Older cosign signs SHA-256 with these too. A failure proves nothing, as it may be another hash.
      return verifiesCurve(key, algorithm, sha256, signature) || needsArtifact(algorithm);
    case 'RSA':
      return verifiesRsa(key, sha256, signature);
    case 'RSA-PSS':
    case 'Ed25519':
    default:
      return needsArtifact(algorithm);
  }
}

function needsArtifact(algorithm: string): never {
  throw new Error(`a signature by a key of type ${algorithm} can only be checked with the artifact itself`);
}

function verifiesCurve(
  key: KeyObject,
  algorithm: keyof typeof CURVES,
  sha256: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const { x = '', y = '' } = key.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    return CURVES[algorithm].verify(signature, sha256, point, { prehash: false, lowS: false, format: 'der' });
  } catch {
    return false; // a signature that is not even DER
  }
}

/** PKCS #1 v1.5: the padding is checked by OpenSSL, what is inside must be this DigestInfo and nothing else. */
function verifiesRsa(key: KeyObject, sha256: Uint8Array, signature: Uint8Array): boolean {
  try {
    const inside = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return inside.equals(Buffer.concat([SHA256_DIGEST_INFO, sha256]));
  } catch {
    return false;
  }
}
