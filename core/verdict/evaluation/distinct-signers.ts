// SPDX-License-Identifier: Apache-2.0
import type { SignerProof } from '../../policy/signers/common/signer-kind.ts';
import { signerIdentity } from '../../policy/signers/signers.ts';
import type { Signer } from '../../policy/signers/signers.ts';

export type Proof = Pick<SignerProof<Signer>, 'signer' | 'holder'>;

export interface VerdictSigner {
  readonly name: string;
  /** SPKI fingerprint of the key, or of the signing certificate's key. */
  readonly fingerprint: string;
  readonly format: 'bundle' | 'simple-signing';
  /** What its certificate says beside its subject, by name. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** A proof that counts, with what the verdict tells of it. */
export interface CountedProof extends SignerProof<Signer> {
  readonly shown: VerdictSigner;
}

/**
 * How many distinct signers are proven. One holder counts for one signer only, so that overlapping
 * identities are not met twice by one certificate: the size of a maximum matching (Kuhn).
 */
export function countDistinct(proofs: readonly Proof[]): number {
  if (proofs.length < 2) return proofs.length;
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
