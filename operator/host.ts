// SPDX-License-Identifier: Apache-2.0
import type { NamespaceContext } from '../core/policy/types.ts';
import type { Keychain } from '../core/registry/types.ts';
import type { Denial } from '../core/verdict/review-record.ts';
import type { ServingPair } from './certificates/file-certificate.ts';
import type { MetricReadings } from './telemetry/metrics.ts';
import type { PullSource } from './policies/pull-secrets.ts';

/** What the webhook needs of where it runs: a cluster, or a folder of policies. */
export interface Host {
  readonly namespaceContext: (name: string) => Promise<NamespaceContext>;
  /** The same where it can be told at once; its labels are one object until they may have changed. */
  readonly knownNamespace: (name: string) => NamespaceContext | undefined;
  readonly keychainFor: (source: PullSource) => Keychain;
  /** The first certificate to serve by; pends until there is one. */
  readonly certificate: Promise<ServingPair>;
  /** Called with what is served by, at once and whenever it changes. */
  onCertificate(listener: (pair: ServingPair) => void): void;
  /** Why no requests should come here; empty: ready. */
  readonly notReady: () => readonly string[];
  /** Why nothing may be decided by what is known of the cluster any more; undefined: it may. */
  readonly outdated: () => string | undefined;
  readonly readings: MetricReadings;
  /** A review was refused. Never throws, never waits. */
  readonly denied: (denial: Denial) => void;
  /** An entry of a Secret beside the operator, as text; undefined where there is none, or no cluster. */
  readonly secretText: (name: string, key: string) => string | undefined;
  /** The configuration changed. */
  readonly reconfigured: () => void;
  /** Another replica may lead from now on; this one goes on answering. */
  handOver(): Promise<void>;
  stop(): Promise<void>;
}
