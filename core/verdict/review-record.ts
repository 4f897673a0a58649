// SPDX-License-Identifier: Apache-2.0
import type { Mode } from '../policy/types.ts';
import type { Verdict } from './types.ts';

/** One admission review as it was answered: log lines, Events, notifications and traces are made of it. */
export interface ReviewRecord {
  readonly endpoint: 'mutate' | 'validate';
  readonly uid: string;
  readonly namespace: string;
  readonly kind: string;
  /** Printable; empty with generateName. */
  readonly name: string;
  /** Printable; what the API server makes the name of, where there is none. */
  readonly generateName?: string | undefined;
  /** The controller that made it, `ReplicaSet/web-5d9`: as the object says, which proves nothing. */
  readonly owner?: string | undefined;
  /** Printable: who asked. */
  readonly user: string;
  readonly operation: string;
  readonly dryRun: boolean;
  readonly outcome: 'admitted' | 'refused';
  readonly decisions: readonly ImageDecision[];
  readonly time: TimeSpan;
  /** The caller's trace (W3C Trace Context), not checked yet. */
  readonly traceparent?: string | undefined;
}

/** One image of a review. */
export interface ImageDecision {
  readonly verdict: Verdict;
  /** The policy's mode, or Audit where the configuration makes everything so. */
  readonly mode: Mode;
  readonly refused: boolean;
  readonly time: TimeSpan;
}

/** Milliseconds since the epoch. */
export interface TimeSpan {
  readonly startedAt: number;
  readonly endedAt: number;
}

/** A refusal that was not a dry run. */
export interface Denial {
  readonly namespace: string;
  readonly kind: string;
  /** Printable; empty with generateName. */
  readonly name: string;
  readonly message: string;
  /** Whom people ask, as the configuration says. */
  readonly contact?: string | undefined;
  /** The verdicts that refuse. */
  readonly verdicts: readonly Verdict[];
  /** What exists and what users look at: the object that was to change, or the owner of the one that was not made. */
  readonly subject?: ObjectReference;
}

/** An object of the denial's namespace. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}
