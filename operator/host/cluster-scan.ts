// SPDX-License-Identifier: Apache-2.0
import type { Decide } from '../../core/verdict/types.ts';
import { createBackgroundScan, type BackgroundScan, type BackgroundScanOptions } from '../scan/background-scan.ts';
import type { Effects } from '../scan/effects.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { Connection, Leadership } from './connection.ts';
import type { Followed } from './followed.ts';
import type { Host } from './host.ts';

export interface ClusterScanParts {
  readonly connection: Connection;
  readonly leadership: Leadership;
  readonly effects: Effects;
  readonly followed: Followed;
  readonly keychainFor: Host['keychainFor'];
  readonly decide: Decide;
  readonly onSweep: BackgroundScanOptions['onSweep'];
}

/** Looks at what runs, and again when policies, namespaces or who leads have changed. */
export function startClusterScan(options: ClusterOptions, parts: ClusterScanParts): BackgroundScan {
  const { connection, leadership, effects, followed, keychainFor, decide, onSweep } = parts;
  const { policies, namespaces } = followed;
  const scan = createBackgroundScan({
    api: connection.api,
    namespace: options.namespace,
    name: options.name,
    configuration: options.configuration.configuration,
    policies: () => options.store.snapshot(),
    namespaces,
    keychainFor,
    decide,
    onSweep,
    isLeader: leadership.isLeader,
    ready: followed.synced,
    effects,
    onAffected: (names) => policies.operator.enqueueStatus(names),
    onPartlyRead: options.metrics.partlyRead,
    log: options.log,
    monotonic: () => performance.now(),
    clock: options.clock,
  });
  policies.onCompiled(() => scan.policiesChanged());
  followed.onNamespaces(() => scan.nudge());
  leadership.onStarted(() => scan.nudge());
  scan.start();
  return scan;
}
