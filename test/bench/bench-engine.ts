// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION } from '../../core/config/configuration.ts';
import { silentLogger, silentMetrics } from '../../core/observe.ts';
import { createPolicyStore } from '../../core/policy/store.ts';
import type { PolicyKey } from '../../core/policy/schema.gen.ts';
import { createRegistryClient } from '../../core/registry/client.ts';
import { createEngine } from '../../core/verdict/engine.ts';
import { createTrustRoots } from '../../core/verdict/trust-roots.ts';
import { anonymous, compiled } from '../fakes/engine.ts';

export interface BenchEngine {
  /** Rejects where the image is not verified: a benchmark of refusals would measure nothing. */
  verify(image: string): Promise<void>;
  close(): Promise<void>;
}

/** A fresh engine that knows one registry, over HTTP, and one policy for everything. */
export function createBenchEngine(host: string, keys: readonly PolicyKey[]): BenchEngine {
  const store = createPolicyStore();
  store.set(compiled('bench', { images: ['**'], keys }));
  const registry = createRegistryClient({
    settings: (name) => (name === host ? { host, mirrors: [], insecure: true } : undefined),
    limits: DEFAULT_CONFIGURATION.limits,
    clock: Date.now,
    metrics: silentMetrics,
    log: silentLogger,
  });
  const decide = createEngine({
    policies: store,
    registry,
    trustRoots: createTrustRoots([], async () => ''),
    configuration: () => DEFAULT_CONFIGURATION,
    clock: Date.now,
    metrics: silentMetrics,
  });
  return {
    verify: async (image) => {
      const signal = AbortSignal.timeout(10_000);
      const verdict = await decide({ image, namespace: { labels: {} }, keychain: anonymous, signal });
      if (verdict.code !== 'Verified') throw new Error(`${verdict.code}: ${verdict.message}`);
    },
    close: () => registry.close(),
  };
}
