// SPDX-License-Identifier: Apache-2.0
import type { KmsConfiguration } from '../config/types.ts';
import type { Environment, RunProgram } from '../registry/credentials/program.ts';
import type { KmsReference } from './reference.ts';

/** What is known of a key that a KMS holds. */
export type KmsEntry =
  /** All its versions that count, the newest first. */
  | { readonly pems: readonly string[]; readonly unavailable?: never; readonly refused?: never }
  /** Why it could not be read, as a sentence; it may be readable later. */
  | { readonly pems?: never; readonly unavailable: string; readonly refused?: never }
  /** Why it will not be read for this policy, as a sentence. */
  | { readonly pems?: never; readonly unavailable?: never; readonly refused: string };

/** Never asks anybody; `reference` was parsed before. */
export type KmsLookup = (reference: KmsReference) => KmsEntry;

/** PEM of the public keys of all versions that count, the newest first; at least one. Rejects with a sentence. */
export type ReadKms = (reference: KmsReference, signal: AbortSignal) => Promise<readonly string[]>;

/** What a service is asked with. */
export interface KmsMeans {
  readonly settings: KmsConfiguration;
  /** Variables of the process: they hold what clouds and Vault give to find one's identity. */
  readonly environment: Environment;
  readonly ask: Ask;
  readonly run: RunProgram;
  /** Whether `aws`, `az` and `gcloud` may be asked who a person is logged in as: on a person's own machine. */
  readonly mayAskTools: boolean;
  readonly readText: (file: string) => Promise<string>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** How one service's keys are read. */
export type KmsService = (reference: KmsReference, means: KmsMeans) => Promise<readonly string[]>;

export interface Question {
  readonly url: string;
  /** GET unless there is a body. */
  readonly method?: 'GET' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** PEM of the authorities to believe; undefined: the system's. */
  readonly ca?: string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
  /** An object of JSON; empty where it is none. */
  readonly content: Readonly<Record<string, unknown>>;
}

/** One exchange, capped in bytes and time. Redirects are not followed. Rejects where there is no answer. */
export type Ask = (question: Question) => Promise<Answer>;
