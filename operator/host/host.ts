// SPDX-License-Identifier: Apache-2.0
import type { NamespaceContext } from '../../core/policy/types.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { PolicySource } from '../../core/verdict/decide-image.ts';
import type { Denial } from '../../core/verdict/review-record.ts';
import type { Decide } from '../../core/verdict/types.ts';
import type { HostOverview } from '../dashboard/overview.ts';
import type { BackgroundScanOptions } from '../scan/background-scan.ts';
import type { ServingPair } from '../certificates/file-certificate.ts';
import type { MetricReadings } from '../telemetry/metrics.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';

/** What the webhook needs of where it runs: a cluster, or a folder of policies. */
export interface Host {
  /** The policies in force, and why nothing may be decided by them any more. */
  readonly policies: Required<PolicySource>;
  readonly namespaceContext: (name: string) => Promise<NamespaceContext>;
  /** The same where it can be told at once; its labels are one object until they may have changed. */
  readonly knownNamespace: (name: string) => NamespaceContext | undefined;
  readonly keychainFor: (pull: PullIdentity) => Keychain;
  /** The first certificate to serve by; pends until there is one. */
  readonly certificate: Promise<ServingPair>;
  /** Called with what is served by, at once and whenever it changes. */
  onCertificate(listener: (pair: ServingPair) => void): void;
  /** Why no requests should come here; empty: ready. */
  readonly notReady: () => readonly string[];
  /** Whether who calls the webhook by a path with this end, or with none, is an API server. */
  readonly callerBy: (token: string | undefined) => 'known' | 'anybody' | 'refused';
  /** Why API servers don't ask us about every Pod yet, as this release has it; empty: they do. */
  readonly notInForce: () => readonly string[];
  readonly readings: MetricReadings;
  /** Signatures by these signers of a policy counted. Never throws, never waits. */
  readonly counted: (policy: string, signers: readonly string[]) => void;
  /** What policies of the cluster would lose by another definition of their kind, a line each. */
  readonly lostBy: (definition: unknown) => readonly string[];
  /** A review was refused. Never throws, never waits. */
  readonly denied: (denial: Denial) => void;
  /** For people; undefined where there is no cluster. */
  readonly overview: (() => HostOverview) | undefined;
  /** An entry of a Secret beside the operator, as text; undefined where there is none, or no cluster. */
  readonly secretText: (name: string, key: string) => string | undefined;
  /** The configuration changed. */
  readonly reconfigured: () => void;
  /** Looks at what runs from now on; undefined: there is nothing to look at, or nobody wants it. */
  readonly scan: (decide: Decide, onSweep?: BackgroundScanOptions['onSweep']) => { stop(): Promise<void> } | undefined;
  /** Another replica may lead from now on; this one goes on answering. */
  handOver(): Promise<void>;
  stop(): Promise<void>;
}
