// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../../policy/types.ts';

/** A signature that was verified, by one signer of a policy. */
export interface Proof {
  readonly signer: Signer;
  /** Who really signed: a key's fingerprint, or a certificate's issuer and subject. */
  readonly holder: string;
}

/** What makes two signers of a policy the same one: a key's fingerprint, an identity's name. */
export function signerIdentity(signer: Signer): string {
  return signer.kind === 'key' ? `key ${signer.fingerprint}` : `identity ${signer.name}`;
}

/**
 * How many distinct signers are proven. One holder counts for one signer only, so that overlapping
 * identities are not met twice by one certificate: the size of a maximum matching (Kuhn).
 */
export function countDistinct(proofs: readonly Proof[]): number {
  const holdersOf = new Map<string, Set<string>>();
  for (const { signer, holder } of proofs) {
    const identity = signerIdentity(signer);
    holdersOf.set(identity, (holdersOf.get(identity) ?? new Set()).add(holder));
  }
  const matched = new Map<string, string>();
  const place = (identity: string, seen: Set<string>): boolean => {
    for (const holder of holdersOf.get(identity) ?? []) {
      if (seen.has(holder)) {
        continue;
      }
      seen.add(holder);
      const present = matched.get(holder);
      if (present === undefined || place(present, seen)) {
        matched.set(holder, identity);
        return true;
      }
    }
    return false;
  };
  return [...holdersOf.keys()].filter((identity) => place(identity, new Set())).length;
}
