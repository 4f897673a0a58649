// SPDX-License-Identifier: Apache-2.0

import type { Work } from './work.ts';

/** What a policy's author wrote of one attestation. */
export interface DemandTexts {
  /** JSON. */
  readonly schema?: string;
  readonly conditions: readonly { readonly expression: string; readonly message?: string }[];
  /** What gives the time of an attestation. */
  readonly newestBy?: string;
}

/** A text that can't be compiled. */
export interface DemandFault {
  /** Below the attestation: `conditions[0].expression`. */
  readonly field: string;
  readonly message: string;
}

/** The `image` variable of a condition. */
export interface ConditionImage {
  readonly repository: string;
  readonly digest: string;
  readonly tag: string;
}

/** The `signer` variable of a condition: who made the attestation. Empty where a key did, which has none of it. */
export interface ConditionSigner {
  readonly name: string;
  readonly issuer: string;
  readonly subject: string;
  /** What its certificate says beside. */
  readonly claims: Readonly<Record<string, string>>;
  /** The earliest that a log or a timestamp authority proves, milliseconds since the epoch; undefined: none does. */
  readonly time?: number;
}

/** What a condition may ask about beside the attestation. */
export interface Circumstances {
  readonly image: ConditionImage;
  readonly signer: ConditionSigner;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** An attestation whose signature was verified. */
export interface AttestedStatement {
  /** DSSE's pre-authentication encoding of an in-toto statement. */
  readonly signedBytes: Uint8Array;
}

/** The same for the same attestation, circumstances and texts, however busy the machine is. */
export interface CheckedPredicate {
  /** The first thing that does not fit; undefined: all fits. */
  readonly fault?: string;
  /** What `newestBy` gave, milliseconds since the epoch. */
  readonly time?: number;
  /** What the evaluation took. */
  readonly steps: number;
}

export interface CheckAsking {
  /** Who waits for it: a namespace. Others' evaluations don't wait behind those of one that asks for many. */
  readonly owner: string;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

/** Rejects with EngineError EvaluationTimeout where the evaluation did not end, which says nothing of the attestation. */
export type CheckDemand = (
  attested: AttestedStatement,
  circumstances: Circumstances,
  asking: CheckAsking,
) => Promise<CheckedPredicate>;

export interface AttestationCondition {
  readonly expression: string;
  readonly message: string;
  /** True: holds. Bounded in work; a failure to evaluate throws and counts as "does not hold". */
  readonly holds: (input: ConditionInput, work?: Work) => boolean;
}

export interface ConditionInput extends Circumstances {
  readonly predicate: unknown;
  readonly statement: unknown;
}
