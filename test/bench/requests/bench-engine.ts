// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION } from '../../../core/config/configuration.ts';
import { DEFAULT_CACHE } from '../../../core/config/types.ts';
import type { Configuration } from '../../../core/config/types.ts';
import { silentLogger, silentMetrics } from '../../../core/observe.ts';
import { createPolicyStore } from '../../../core/policy/store/store.ts';
import type { ImagePolicySpec } from '../../../core/policy/documents/image-policy.gen.ts';
import { createRegistryClient } from '../../../core/registry/client/client.ts';
import { createEngine } from '../../../core/verdict/engine.ts';
import type { PolicySource } from '../../../core/verdict/decide-image.ts';
import { createTrustRoots } from '../../../core/verdict/trust-roots.ts';
import type { Decide } from '../../../core/verdict/types.ts';
import { anonymous, compileContext, compiled, settledAhead } from '../../fakes/engine.ts';

/** No tag goes stale within a benchmark: what is counted must not depend on how long it takes. */
const CONFIGURATION: Configuration = { ...DEFAULT_CONFIGURATION, cache: { ...DEFAULT_CACHE, tags: 3600 } };

export interface BenchEngine {
  readonly decide: Decide;
  readonly policies: PolicySource;
  readonly configuration: () => Configuration;
  /** Rejects where the image is not verified: a benchmark of refusals would measure nothing. */
  verify(image: string): Promise<void>;
  /** Compiled anew, as after an edit. */
  replacePolicies(policies: BenchEngineOptions['policies']): void;
  close(): Promise<void>;
}

export interface BenchEngineOptions {
  /** Of the one registry it knows, over HTTP. */
  readonly host: string;
  /** Each covers everything. */
  readonly policies: readonly Omit<ImagePolicySpec, 'images'>[];
  /** Texts of trusted_root.json files by name. */
  readonly trustRoots?: Readonly<Record<string, string>>;
}

/** A fresh engine, to which nothing is known. */
export function createBenchEngine({ host, policies, trustRoots = {} }: BenchEngineOptions): BenchEngine {
  const store = createPolicyStore();
  const roots = Object.keys(trustRoots);
  const context = compileContext({ trustRoots: new Set(roots) });
  const replacePolicies: BenchEngine['replacePolicies'] = (specs) =>
    store.replace(specs.map((spec, index) => compiled(`bench-${index}`, { images: ['**'], ...spec }, context)));
  replacePolicies(policies);
  const registry = createRegistryClient({
    settings: (name) => (name === host ? { host, mirrors: [], insecure: true } : undefined),
    limits: DEFAULT_CONFIGURATION.limits,
    clock: Date.now,
    metrics: silentMetrics,
    log: silentLogger,
  });
  const settled = settledAhead(registry);
  const deciding = createEngine({
    policies: store,
    registry: settled.client,
    trustRoots: createTrustRoots(
      roots.map((name) => ({ name, file: name })),
      async (name) => trustRoots[name] ?? '',
    ),
    configuration: () => CONFIGURATION,
    clock: Date.now,
    metrics: silentMetrics,
  });
  const decide = settled.after(deciding);
  return {
    decide,
    policies: store,
    configuration: () => CONFIGURATION,
    verify: async (image) => {
      const signal = AbortSignal.timeout(10_000);
      const verdict = await decide({ image, namespace: { labels: {} }, keychain: anonymous, signal });
      if (verdict.code !== 'Verified') throw new Error(`${verdict.code}: ${verdict.message}`);
    },
    replacePolicies,
    close: () => registry.close(),
  };
}
