// SPDX-License-Identifier: Apache-2.0
// When what a policy says changes by itself.
import { kindOf } from './signers/signers.ts';
import type { CompiledPolicy } from './types.ts';

/** It allowed until then, and covers nothing now. One that is not Ready goes on denying. */
export function hasExpired({ expiresAt, problems }: CompiledPolicy, now: number): boolean {
  return expiresAt !== undefined && problems.length === 0 && now >= expiresAt;
}

/**
 * The first instant after `now`, in milliseconds since the epoch, from which on one of the policies may decide otherwise
 * than before; Infinity: none changes by itself. Asked each second, of thousands.
 */
export function nextChange(policies: Iterable<CompiledPolicy>, now: number): number {
  let next = Infinity;
  const consider = (instant: number) => {
    if (instant > now && instant < next) next = instant;
  };
  for (const { expiresAt = Infinity, signers } of policies) {
    consider(expiresAt);
    for (const signer of signers) {
      const { notBefore = Infinity, notAfter = Infinity } = kindOf(signer).window(signer);
      consider(notBefore);
      // It still counts at that instant.
      consider(notAfter + 1);
    }
  }
  return next;
}

/** Something of a policy that ends by itself. */
export interface Ending {
  /** `policy`, or a signer as messages describe it. */
  readonly what: string;
  readonly at: number;
}

/** What of the policy ends by itself, whether or not it has: the exception, or keys that then count no more. */
export function endingsOf({ expiresAt, signers }: CompiledPolicy): readonly Ending[] {
  const keys = signers.flatMap((signer) => {
    const { notAfter } = kindOf(signer).window(signer);
    return notAfter === undefined ? [] : [{ what: kindOf(signer).describe(signer), at: notAfter }];
  });
  return expiresAt === undefined ? keys : [{ what: 'the policy', at: expiresAt }, ...keys];
}
