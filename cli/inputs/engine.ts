// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../../core/config/types.ts';
import { silentLogger, silentMetrics } from '../../core/observe.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import { createRegistryClient } from '../../core/registry/client/client.ts';
import type { RegistryClient } from '../../core/registry/types.ts';
import type { SettingsOf } from '../../core/registry/transport/endpoints.ts';
import { createEngine } from '../../core/verdict/engine.ts';
import type { TrustRoots } from '../../core/sigstore/trust/trust-root.ts';
import type { DecisionRequest, Verdict } from '../../core/verdict/types.ts';

interface CommandEngineOptions {
  readonly configuration: Configuration;
  readonly settings: SettingsOf;
  readonly trustRoots: TrustRoots;
  readonly policies: Pick<PolicyStore, 'snapshot'>;
  /** Instead of registries over the network. */
  readonly registry?: RegistryClient | undefined;
  /** Aborted when the user gives up. */
  readonly signal: AbortSignal;
}

/** The webhook's engine for one run of a command. */
export interface CommandEngine {
  /** Each image has its own deadline, so that a long list doesn't eat up that of its last images. */
  decide(request: Omit<DecisionRequest, 'signal'>): Promise<Verdict>;
  close(): Promise<void>;
}

export function createCommandEngine(options: CommandEngineOptions): CommandEngine {
  const { configuration, settings, trustRoots, policies } = options;
  const around = { clock: Date.now, metrics: silentMetrics };
  const online = createRegistryClient({
    settings,
    limits: configuration.limits,
    proxy: configuration.proxy,
    log: silentLogger,
    ...around,
  });
  const registry = options.registry ?? online;
  const decide = createEngine({ policies, registry, trustRoots, configuration: () => configuration, ...around });
  return {
    decide: (request) => {
      const deadline = AbortSignal.timeout(configuration.deadlineSeconds * 1000);
      return decide({ ...request, signal: AbortSignal.any([deadline, options.signal]) });
    },
    close: () => online.close(),
  };
}
