// SPDX-License-Identifier: Apache-2.0
import type { Outcome, VerdictCode } from '../verdict-codes.ts';
import type { Mode, NamespaceContext } from '../policy/types.ts';
import type { VerdictSigner } from './evaluation/distinct-signers.ts';
import type { Keychain } from '../registry/types.ts';

/** The answer for one image: the webhook, the CLI and the metrics render this same value. */
export interface Verdict {
  /** As the user wrote it, normalised: `docker.io/acme/app:1.2`. */
  readonly image: string;
  /** `repository@digest` of what was checked; absent where nothing was resolved. */
  readonly resolved?: string;
  readonly outcome: Outcome;
  /** What a failing outcome means for admission. */
  readonly mode: Mode;
  readonly code: VerdictCode;
  /** Names of the policies that applied. */
  readonly policies: readonly string[];
  /** Those of them that refuse the image, where it was known which. */
  readonly refusedBy?: readonly string[];
  /** Of an outcome that is not `allowed`; absent where the engine gave none. */
  readonly grounds?: Grounds;
  readonly message: string;
  /** One line that a person can act on; empty where nothing is to be done. */
  readonly remedy: string;
  readonly signers: readonly VerdictSigner[];
  /** HTTP requests sent for this decision. */
  readonly registryRequests: number;
}

/** What a refusal rests on, in parts: texts for different readers put them in different orders. */
export interface Grounds {
  /** The policy that refuses, where one does. */
  readonly policy?: string;
  /** What it requires: `a signature by "release"`. */
  readonly demand?: string;
  /** Of an image index: for which platforms it is refused. */
  readonly platforms?: string;
  /** Beside the reason, in a sentence: an exception that has expired. */
  readonly notice?: string;
  /** What was found, or why it could not be found out; no sentence. */
  readonly reason: string;
  /** The signer of the policy who made a signature that does not count, and why it does not; part of the reason. */
  readonly unaccepted?: string;
}

export interface DecisionRequest {
  /** As written in the Pod; untrusted. */
  readonly image: string;
  /**
   * Of what runs already: `repository@digest` as the node names it, where `image` has no digest. Untrusted; it may name
   * another repository than `image`.
   */
  readonly runs?: string;
  readonly namespace: NamespaceContext;
  readonly keychain: Keychain;
  /** Aborted at the deadline. */
  readonly signal: AbortSignal;
  /** A look in the background: nobody waits for the answer, so it is no decision that metrics count. */
  readonly background?: boolean;
}

/** Never rejects: whatever fails inside is a verdict with outcome `error`. */
export type Decide = (request: DecisionRequest) => Promise<Verdict>;
