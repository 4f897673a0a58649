// SPDX-License-Identifier: Apache-2.0
import type { ReadStored } from '../core/cosign/stored-text.ts';
import type { EngineMetrics, Logger } from '../core/observe.ts';
import { createRegistryClient } from '../core/registry/client/client.ts';
import { createLiveRegistryClient } from '../core/registry/client/live-client.ts';
import { createNameLookup } from '../core/registry/transport/name-lookup.ts';
import type { PolicySource } from '../core/verdict/decide-image.ts';
import { createEngine } from '../core/verdict/engine.ts';
import { createRecentVerdicts, type RecentVerdicts } from '../core/verdict/recent.ts';
import type { Decide } from '../core/verdict/types.ts';
import type { FollowedConfiguration } from './configuration/start.ts';

export interface EngineOptions {
  readonly policies: Required<PolicySource>;
  readonly configuration: FollowedConfiguration;
  readonly metrics: EngineMetrics;
  readonly log: Logger;
  /** Signatures by these signers of a policy counted. */
  readonly counted: (policy: string, signers: readonly string[]) => void;
  readonly readStored: ReadStored;
}

export interface RunningEngine {
  readonly decide: Decide;
  /** The same for admission: what was decided a moment ago may be said again. */
  readonly recent: RecentVerdicts;
  close(): Promise<void>;
}

export function startEngine({
  policies,
  configuration: followed,
  metrics,
  log,
  counted,
  readStored,
}: EngineOptions): RunningEngine {
  const { configuration, settings, trustRoots, onReload } = followed;
  const lookup = createNameLookup();
  const registry = createLiveRegistryClient(() => {
    const { limits, proxy } = configuration();
    return createRegistryClient({ settings, limits, proxy, lookup, clock: Date.now, metrics, log });
  });
  onReload(() => registry.renew());
  const decide = createEngine({
    policies,
    registry,
    trustRoots,
    configuration,
    clock: Date.now,
    metrics,
    counted,
    readStored,
  });
  const recent = createRecentVerdicts({ decide, policies, configuration, clock: Date.now, metrics });
  return { decide, recent, close: () => registry.close() };
}
