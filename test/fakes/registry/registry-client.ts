// SPDX-License-Identifier: Apache-2.0
import { UNBOUNDED } from '../../../core/registry/read-budget.ts';
import { DEFAULT_LIMITS } from '../../../core/limits.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Logger } from '../../../core/observe.ts';
import { silentLogger } from '../../../core/observe.ts';
import { createRegistryClient } from '../../../core/registry/client/client.ts';
import type { ClosableRegistryClient, RegistryClientOptions } from '../../../core/registry/client/client.ts';
import type { RegistrySettings } from '../../../core/registry/transport/endpoints.ts';
import type { Credential, Keychain, RequestScope } from '../../../core/registry/types.ts';

export interface TestClient {
  readonly client: ClosableRegistryClient;
  /** The client's clock, milliseconds; tests move it. */
  readonly time: { now: number };
  /** `registry operation status` of each request. */
  readonly observed: readonly string[];
}

export interface TestClientOptions {
  /** Exactly these are configured. */
  readonly settings: readonly RegistrySettings[];
  readonly limits?: Partial<Limits>;
  readonly lookup?: RegistryClientOptions['lookup'];
  readonly log?: Logger;
  readonly proxy?: RegistryClientOptions['proxy'];
}

export const insecure = (host: string, ...mirrors: readonly string[]): RegistrySettings => ({
  host,
  mirrors,
  insecure: true,
});

export function createTestClient(options: TestClientOptions): TestClient {
  const time = { now: Date.parse('2026-01-01T00:00:00Z') };
  const observed: string[] = [];
  const client = createRegistryClient({
    settings: (host) => options.settings.find((entry) => entry.host === host),
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    clock: () => time.now,
    metrics: {
      decided() {},
      cacheLookup() {},
      evidencePartlyRead() {},
      registryRequest: ({ registry, operation, status }) => void observed.push(`${registry} ${operation} ${status}`),
    },
    log: options.log ?? silentLogger,
    proxy: options.proxy,
    ...(options.lookup ? { lookup: options.lookup } : {}),
  });
  return { client, time, observed };
}

export interface CountedScope extends RequestScope {
  requests: number;
}

/** One decision: `keychain` is a keychain, or the credentials to try for every repository. */
export function scopeOf(
  keychain: Keychain | readonly Credential[] = [],
  signal: AbortSignal = AbortSignal.timeout(60_000),
): CountedScope {
  const scope: CountedScope = {
    signal,
    keychain: 'resolve' in keychain ? keychain : { resolve: () => Promise.resolve(keychain) },
    requests: 0,
    budget: UNBOUNDED,
    count: () => void (scope.requests += 1),
  };
  return scope;
}
