// SPDX-License-Identifier: Apache-2.0
import type { ProblemReason } from '../problems/report.ts';
import type { CheckDemand, CheckedPredicate, DemandFault } from '../expressions/types.ts';

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

/**
 * Asks each question once: about these texts, an attestation and an image. An answer lives as long as the policy and
 * the attestation do; that there was none, for a second.
 */
export function remembering(check: CheckDemand): CheckDemand {
  const known = new WeakMap<object, Map<string, Promise<CheckedPredicate>>>();
  return (attested, image, asking) => {
    const { statement } = attested;
    if (typeof statement !== 'object' || statement === null) return check(attested, image, asking);
    const answers = known.get(statement) ?? new Map<string, Promise<CheckedPredicate>>();
    known.set(statement, answers);
    const key = JSON.stringify([image.repository, image.digest, image.tag]);
    const before = answers.get(key);
    if (before !== undefined) return before;
    const answer = check(attested, image, asking);
    if (answers.size >= KEPT_IMAGES) answers.clear();
    answers.set(key, answer);
    answer.catch(() => {
      // Who gave up waiting has said nothing for others.
      if (asking.signal.aborted) answers.delete(key);
      else setTimeout(() => answers.delete(key), REST).unref();
    });
    return answer;
  };
}
