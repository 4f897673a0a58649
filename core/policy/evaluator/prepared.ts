// SPDX-License-Identifier: Apache-2.0
import type { ProblemReason } from '../problems/report.ts';
import type { CheckDemand, CheckedPredicate, Circumstances, DemandFault, DemandTexts } from '../expressions/types.ts';
import { dependOn } from '../expressions/variables.ts';

/** A demand that a policy can be compiled with. */
export interface PreparedDemand {
  readonly faults: readonly PreparedFault[];
  readonly check: CheckDemand;
}

export interface PreparedFault extends DemandFault {
  /** InvalidAttestation unless given. */
  readonly reason?: ProblemReason;
}

/** An image has few names. */
const KEPT_IMAGES = 8;
/** Milliseconds for which an evaluation that did not end is not tried again. */
const REST = 1000;

interface Kept {
  readonly answer: Promise<CheckedPredicate>;
  /** Who asked: whose patience or share may be why there is none. */
  readonly by: Parameters<CheckDemand>[2];
}

/**
 * Asks each question once: about these texts, an attestation, an image and, where they are named, its signer. What may
 * depend on the time is asked each time. An answer lives as long as the policy and
 * the attestation do; that there was none, for a second. That who asked gave up, or has too much waiting, is no answer for
 * others.
 */
export function remembering(texts: DemandTexts, check: CheckDemand): CheckDemand {
  if (dependOn(texts, 'now')) return check;
  const namesSigner = dependOn(texts, 'signer');
  const known = new WeakMap<object, Map<string, Kept>>();
  return async function ask(attested, circumstances, asking): Promise<CheckedPredicate> {
    const { signedBytes } = attested;
    const answers = known.get(signedBytes) ?? new Map<string, Kept>();
    known.set(signedBytes, answers);
    const key = keyOf(circumstances, namesSigner);
    const before = answers.get(key);
    if (before !== undefined) {
      try {
        return await before.answer;
      } catch (error) {
        if (asking.signal.aborted || (before.by.owner === asking.owner && !before.by.signal.aborted)) throw error;
        forget(answers, key, before);
        return ask(attested, circumstances, asking);
      }
    }
    const kept: Kept = { answer: check(attested, circumstances, asking), by: asking };
    if (answers.size >= KEPT_IMAGES) answers.clear();
    answers.set(key, kept);
    kept.answer.catch(() => {
      if (asking.signal.aborted) forget(answers, key, kept);
      else setTimeout(forget, REST, answers, key, kept).unref();
    });
    return kept.answer;
  };
}

function keyOf({ image, signer }: Circumstances, namesSigner: boolean): string {
  return JSON.stringify([image.repository, image.digest, image.tag, namesSigner ? signer : undefined]);
}

/** Unless it was asked anew meanwhile. */
function forget(answers: Map<string, Kept>, key: string, kept: Kept): void {
  if (answers.get(key) === kept) answers.delete(key);
}
