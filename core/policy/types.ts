// SPDX-License-Identifier: Apache-2.0
import type { ImagePattern, Repository } from '../image/types.ts';
import type { Keychain } from '../registry/types.ts';
import type { Signer } from './signers/signers.ts';
import type { CheckDemand } from './expressions/types.ts';
import type { Problem } from './problems/report.ts';

export type Action = 'Verify' | 'Allow' | 'Deny';
/** What happens to an image that fails: refused, admitted with a warning, or only recorded. */
export type Mode = 'Enforce' | 'Warn' | 'Audit';

export type PlatformDemand = 'Index' | 'Each' | 'IndexOrEach';

export interface AttestationDemand {
  readonly name: string;
  readonly predicateType: string;
  /** Undefined: any predicate does. */
  readonly check?: CheckDemand;
  /** Signers that may have made it; a subset of the policy's. */
  readonly signers: readonly Signer[];
  /** Which of several must hold; Any unless given. */
  readonly select?: 'Any' | 'All' | 'Newest';
  /** Gives the time by which the newest is told; undefined: the proven time. */
  readonly newestBy?: CheckDemand;
  /** `check` may depend on the time of the decision: what it says can't be said again. */
  readonly usesNow?: true;
  /** `check` may depend on who made it, and when. */
  readonly usesSigner?: true;
}

/** Whether something that was not read may change what is decided about: an attestation that fails, or a newer one. */
export function needsAll({ attestations }: Pick<CompiledPolicy, 'attestations'>): boolean {
  return attestations.some(({ select = 'Any' }) => select !== 'Any');
}

/** Whether what the policy says of an image can't be said again a moment later. */
export function usesNow({ attestations }: Pick<CompiledPolicy, 'attestations'>): boolean {
  return attestations.some((demand) => demand.usesNow === true);
}

/** A policy ready for decisions, or one that is not Ready and so denies what it claims. Immutable. */
export interface CompiledPolicy {
  /** Unlike any other's: of a namespaced policy `namespace/name`. */
  readonly name: string;
  /** Of a namespaced policy: it applies there and nowhere else, and only adds to what the cluster's policies require. */
  readonly namespace?: string;
  readonly generation: number;
  /** Claims images also where `problems` is not empty. */
  readonly patterns: readonly ImagePattern[];
  /** Its spec, or its selector, could not be read whole: it may claim more than was meant, and takes it from no other policy. */
  readonly partlyRead?: true;
  /** Undefined: all namespaces. */
  readonly namespaceSelector?: (labels: Readonly<Record<string, string>>) => boolean;
  readonly action: Action;
  readonly mode: Mode;
  /** Of one that allows: milliseconds since the epoch, from when on it covers nothing (`hasExpired`). */
  readonly expiresAt?: number;
  /** Why it allows. */
  readonly reason?: string;
  readonly signers: readonly Signer[];
  /** 0: the image itself need not be signed, its attestations must be. */
  readonly threshold: number;
  readonly required: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  /** For which repository a signature of an image must have been made; undefined: for any, or it does not say. */
  readonly signedIdentity?: (image: Repository) => Repository;
  readonly transparencyLog: 'Ignore' | 'Require';
  /** What must be signed where the image is an index: itself, each image that it lists, or either. */
  readonly platforms: PlatformDemand;
  readonly signatureRepository?: Repository;
  /** Whose credentials read `signatureRepository`; undefined: those that read the image. */
  readonly signatureKeychain?: Keychain;
  readonly attestations: readonly AttestationDemand[];
  readonly problems: readonly Problem[];
}

/** How many distinct signers must have signed the image itself; none only where attestations are asked for. */
export function signaturesNeeded({
  threshold,
  attestations,
}: Pick<CompiledPolicy, 'threshold' | 'attestations'>): number {
  return attestations.length > 0 ? threshold : Math.max(1, threshold);
}

/** Labels of the namespace a decision is for; `name` is undefined outside of a cluster. */
export interface NamespaceContext {
  readonly name?: string;
  readonly labels: Readonly<Record<string, string>>;
}
