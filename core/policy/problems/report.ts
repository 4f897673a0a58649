// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';

/** Why a policy is not Ready; also the `reason` of its condition. */
export type ProblemReason =
  | 'InvalidSpec'
  | 'InvalidKey'
  | 'InvalidCertificate'
  | 'InvalidPattern'
  | 'InvalidSelector'
  | 'InvalidAttestation'
  | 'SecretNotFound'
  /** It is there, and is no use. */
  | 'InvalidSecret'
  /** A KMS holds it, and it was not read, or not for too long. */
  | 'KeyUnavailable'
  | 'UnknownTrustRoot'
  /** Its conditions and schemas are being compiled; another problem, or none, follows. */
  | 'Compiling'
  /** Compiling them was ended by the clock, not by a count; it is tried again. */
  | 'CompileTimeout'
  /** Its namespace has more policies than are compiled. */
  | 'TooManyPolicies';

export interface Problem {
  readonly reason: ProblemReason;
  /** The field, as kubectl writes it: `spec.keys[0].pem`. */
  readonly path: string;
  readonly message: string;
}

/** Collects problems while a policy is compiled, so that a person sees all of them at once. */
export interface Report {
  readonly problems: readonly Problem[];
  readonly add: (reason: ProblemReason, path: string, message: string) => void;
  /** The result of `compile`, or undefined after its exception became a problem. */
  readonly attempt: <T>(reason: ProblemReason, path: string, compile: () => T) => T | undefined;
}

export function createReport(): Report {
  const problems: Problem[] = [];
  const add: Report['add'] = (reason, path, message) => void problems.push({ reason, path, message });
  return {
    problems,
    add,
    attempt(reason, path, compile) {
      try {
        return compile();
      } catch (error) {
        add(reason, path, errorText(error));
        return undefined;
      }
    },
  };
}
