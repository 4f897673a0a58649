// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import type { CompiledPolicy } from '../../policy/types.ts';
import { isCurrent, kindOf } from '../../policy/signers/signers.ts';
import type { SignatureVerifier } from '../../policy/signers/verification/signature-verifier.ts';
import type { SignatureCandidate } from '../../signatures/types.ts';
import type { VerdictCode } from '../../verdict-codes.ts';
import type { ImageEvidence } from '../evidence/evidence.ts';

/** Each is a signature and a signer: who brings many of either gets a shorter answer, not more work. */
const MOST_TRIES = 8;

interface Refused {
  readonly policy: CompiledPolicy;
  readonly code: VerdictCode;
  readonly evidence: ImageEvidence;
}

/**
 * Of an image that is refused for want of a trusted signature: which signer of the policy made one after all, and why it
 * does not count, such as `key "release" (sha256:0123456789ab) made one over SHA-1, which is not accepted: use …`.
 * Undefined where none is known to have.
 *
 * @param now milliseconds since the epoch.
 */
export async function tellUnaccepted(
  refused: Refused,
  {
    verifier,
    now,
    signal,
  }: { readonly verifier: SignatureVerifier; readonly now: number; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const signers = refused.policy.signers.filter((signer) => isCurrent(signer, now));
  let tries = 0;
  for (const candidate of candidatesOf(refused)) {
    for (const signer of signers) {
      if (tries >= MOST_TRIES || signal.aborted) return undefined;
      tries += 1;
      const kind = kindOf(signer);
      const way = kind.unaccepted?.(candidate, signer, verifier);
      if (way !== undefined) return `${kind.describe(signer)} made one ${way}`;
      await turn();
    }
  }
  return undefined;
}

function candidatesOf({ policy, code, evidence }: Refused): readonly SignatureCandidate[] {
  if (code === 'UntrustedSignature') return evidence.signatures;
  const demanded = new Set(policy.attestations.map(({ predicateType }) => predicateType));
  return code === 'AttestationMissing'
    ? evidence.attestations.filter(({ predicateType }) => demanded.has(predicateType))
    : [];
}
