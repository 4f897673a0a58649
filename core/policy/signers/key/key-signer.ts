// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { Digest } from '../../../image/digest.ts';
import type { KeyAlgorithm } from '../../../keys/algorithms.ts';

/** A public key, or one of several that its owner replaced one by the other. */
export interface KeyVersion {
  /** SHA-256 of the SPKI DER. */
  readonly fingerprint: Digest;
  readonly algorithm: KeyAlgorithm;
  readonly key: KeyObject;
}

/** The newest version, and whose it is. */
export interface KeySigner extends KeyVersion {
  readonly kind: 'key';
  readonly name: string;
  /** Of a key that a KMS holds: versions before the newest, whose signatures count alike. */
  readonly older?: readonly KeyVersion[];
  /** What makes two signers distinct, where it is not the fingerprint: entries with a version in common are one owner's. */
  readonly owner?: Digest;
  /** Milliseconds since the epoch; the key counts in [notBefore, notAfter]. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}

export function versionsOf(signer: KeySigner): readonly KeyVersion[] {
  return signer.older === undefined ? [signer] : [signer, ...signer.older];
}

export function ownerOf({ owner, fingerprint }: KeySigner): Digest {
  return owner ?? fingerprint;
}

/** The same signers, with one `owner` for those that have a version in common, also by way of others. */
export function withOwners(signers: readonly KeySigner[]): readonly KeySigner[] {
  // Each version of one signer alone is the same by its fingerprint.
  if (!signers.some(({ older }) => older !== undefined)) return signers;
  const owners = new Map<Digest, Digest>();
  const find = (fingerprint: Digest): Digest => {
    let found = fingerprint;
    for (let next = owners.get(found); next !== undefined; next = owners.get(found)) found = next;
    return found;
  };
  for (const signer of signers) {
    for (const { fingerprint } of versionsOf(signer)) {
      const [one, other] = [find(signer.fingerprint), find(fingerprint)];
      if (one !== other) owners.set(other, one);
    }
  }
  return signers.map((signer) => ({ ...signer, owner: find(signer.fingerprint) }));
}
