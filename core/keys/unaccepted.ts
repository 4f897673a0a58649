// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { PSS, rawRsa, verifies } from './algorithms.ts';
import type { KeyAlgorithm, VerificationKey } from './algorithms.ts';
import { verifiesPss } from './pss.ts';

const ACCEPTED_HASHES = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };
/** What key services and HSMs offer beside them. */
const OTHER_HASHES = {
  sha1: 'SHA-1',
  sha224: 'SHA-224',
  'sha3-256': 'SHA3-256',
  'sha3-384': 'SHA3-384',
  'sha3-512': 'SHA3-512',
};
const ALL_HASHES = { ...ACCEPTED_HASHES, ...OTHER_HASHES };
const ANY_HASH = 'SHA-256, SHA-384 or SHA-512';

const ACCEPTED: Readonly<Record<KeyAlgorithm, string>> = {
  'ECDSA-P256': `ECDSA over ${ANY_HASH} as ASN.1 DER`,
  'ECDSA-P384': `ECDSA over ${ANY_HASH} as ASN.1 DER`,
  'ECDSA-P521': `ECDSA over ${ANY_HASH} as ASN.1 DER`,
  RSA: `PKCS #1 v1.5 or PSS over ${ANY_HASH}`,
  'RSA-PSS': `PSS over ${ANY_HASH}`,
  Ed25519: 'Ed25519 or Ed25519ph',
};

/**
 * For a denial: in which way that does not count the key made a signature that `verifyWithKey` refuses, and which ways
 * count: `over SHA-1, which is not accepted: use …`. Undefined where it did not, as far as can be told. Nothing that is
 * said here admits anything. Costs up to eight verifications; never throws for a bad signature.
 */
export function unacceptedWay(
  signer: VerificationKey,
  signedBytes: Uint8Array,
  signature: Uint8Array,
): string | undefined {
  const way = overAnotherHash(signer, signedBytes, signature) ?? hashedTwice(signer, signedBytes, signature);
  return way === undefined ? undefined : `${way}, which is not accepted: use ${ACCEPTED[signer.algorithm]}`;
}

function overAnotherHash(
  { key, algorithm }: VerificationKey,
  signedBytes: Uint8Array,
  signature: Uint8Array,
): string | undefined {
  switch (algorithm) {
    case 'Ed25519':
      return undefined;
    case 'RSA':
      return byPkcs1(key, signedBytes, signature) ?? byPss(key, signedBytes, signature);
    case 'RSA-PSS': {
      const name = nameWhere(OTHER_HASHES, (hash) => verifies(hash, { key, ...PSS }, signedBytes, signature));
      return name && `by PSS over ${name}`;
    }
    case 'ECDSA-P256':
    case 'ECDSA-P384':
    case 'ECDSA-P521':
    default:
      return byEcdsa(key, signedBytes, signature);
  }
}

type Hashes = Readonly<Record<string, string>>;

function byEcdsa(key: KeyObject, signedBytes: Uint8Array, signature: Uint8Array): string | undefined {
  if (isDer(signature)) {
    const name = nameWhere(OTHER_HASHES, (hash) => verifies(hash, key, signedBytes, signature));
    return name && `over ${name}`;
  }
  // What PKCS #11 and JSON Web Signatures use.
  const raw = { key, dsaEncoding: 'ieee-p1363' } as const;
  const name = nameWhere(ALL_HASHES, (hash) => verifies(hash, raw, signedBytes, signature));
  return name && `over ${name}, as r and s side by side (IEEE P1363)`;
}

/** One SEQUENCE that is all of the signature; its length takes a second byte from P-521 on. */
function isDer(signature: Uint8Array): boolean {
  const [tag, length = 0] = signature;
  return tag === 0x30 && (length === signature.length - 2 || length === 0x81);
}

function byPkcs1(key: KeyObject, signedBytes: Uint8Array, signature: Uint8Array): string | undefined {
  const name = nameWhere(OTHER_HASHES, (hash) => verifies(hash, key, signedBytes, signature));
  return name === undefined ? undefined : `by PKCS #1 v1.5 over ${name}`;
}

/** PSS masks with a hash of its own, which some libraries leave at SHA-1. */
function byPss(key: KeyObject, signedBytes: Uint8Array, signature: Uint8Array): string | undefined {
  const encoded = rawRsa(key, signature);
  if (encoded === undefined) return undefined;
  for (const [hash, name] of Object.entries(ALL_HASHES)) {
    const mask = nameWhere(ALL_HASHES, (maskHash) => verifiesPss(encoded, signedBytes, { hash, maskHash }));
    if (mask !== undefined) return `by PSS over ${name}${mask === name ? '' : ` with a mask by ${mask}`}`;
  }
  return undefined;
}

/** Whoever gives a key service the hash to sign, where it takes the message, signs the hash of the hash. */
function hashedTwice(
  { key, algorithm }: VerificationKey,
  signedBytes: Uint8Array,
  signature: Uint8Array,
): string | undefined {
  const name = nameWhere(ACCEPTED_HASHES, (hash) => {
    const digest = createHash(hash).update(signedBytes).digest();
    return verifies(algorithm === 'Ed25519' ? null : hash, key, digest, signature);
  });
  return name && `over the ${name} of the payload in place of the payload`;
}

function nameWhere(hashes: Hashes, holds: (hash: string) => boolean): string | undefined {
  return Object.entries(hashes).find(([hash]) => holds(hash))?.[1];
}
