// SPDX-License-Identifier: Apache-2.0
import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Repository } from '../../image/types.ts';
import type { Limits } from '../../limits.ts';
import type { Clock, EngineMetrics, Logger } from '../../observe.ts';
import { createAuthorizedTransport } from '../authorization/authorized-transport.ts';
import { getBlob } from '../reading/blobs.ts';
import { createConnections } from '../transport/connections.ts';
import { endpointOf, mirrorsOf, repositoryAt } from '../transport/endpoints.ts';
import type { Endpoint, RegistrySettings, SettingsOf } from '../transport/endpoints.ts';
import { getManifest, resolveTag } from '../reading/manifests.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { boundedLabels } from '../metric-labels.ts';
import { createMirrorReader } from './mirrors.ts';
import type { ProxySettings } from '../transport/proxy.ts';
import type { Sources } from './mirrors.ts';
import { createRedirectingTransport } from '../transport/redirects.ts';
import { createReferrersReader } from '../reading/referrers.ts';
import type { AskedRepository } from '../reading/referrers.ts';
import { checkPath, createAsk } from '../reading/requests.ts';
import type { Ask } from '../reading/requests.ts';
import { createTokenStore } from '../authorization/token.ts';
import { createTransport } from '../transport/transport.ts';
import type { RegistryClient, RequestScope } from '../types.ts';

export interface RegistryClientOptions {
  /** Asked for each request, so that a reloaded configuration counts at once. */
  readonly settings: SettingsOf;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly metrics: EngineMetrics;
  readonly log: Logger;
  /** Through which HTTPS goes. */
  readonly proxy?: ProxySettings | undefined;
  /** Instead of the system's resolver. */
  readonly lookup?: LookupFunction;
}

export interface ClosableRegistryClient extends RegistryClient {
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

const MOST_ENDPOINTS = 256;

/** The endpoint of a registry, and by which settings: another object of them ends it. */
interface Settled {
  readonly settings: RegistrySettings | undefined;
  readonly endpoint: Endpoint;
}

/**
 * Reads registries with the fewest requests: no ping of `/v2/`, challenges, tokens and the lack of a
 * referrers API are remembered, connections kept. Which hosts may be reached: see `Reach`
 * (addresses.ts). Mirrors of `settings` are asked first.
 */
export function createRegistryClient(options: RegistryClientOptions): ClosableRegistryClient {
  const { limits, clock, settings: settingsOf } = options;
  const connections = createConnections({
    lookup: options.lookup ?? systemLookup,
    connectMilliseconds: limits.requestMilliseconds,
    proxy: options.proxy,
  });
  const metrics = boundedLabels(options.metrics);
  const transport = createTransport({ connections, requestMilliseconds: limits.requestMilliseconds, metrics });
  const redirecting = createRedirectingTransport({ transport, settingsOf, redirects: limits.redirects });
  const tokens = createTokenStore({ transport: redirecting, settingsOf, clock, tokenBytes: limits.tokenBytes });
  const authorized = createAuthorizedTransport({ transport: redirecting, tokens, clock });
  const askSources = createMirrorReader({ clock, log: options.log });
  const referrers = createReferrersReader({ clock, limits });
  const endpoints = createRecentlyUsed<Settled>(MOST_ENDPOINTS);
  const blobBytes = Math.max(limits.bundleBytes, limits.payloadBytes);

  /** As settled by the settings that hold now: whether a host may be asked costs more to tell than to ask it. */
  function endpointBy(registry: string, settings: RegistrySettings | undefined): Endpoint {
    const known = endpoints.get(registry);
    if (known && known.settings === settings) return known.endpoint;
    const endpoint = endpointOf(registry, settings);
    endpoints.set(registry, { settings, endpoint });
    return endpoint;
  }

  function sourcesOf(repository: Repository): Sources {
    const settings = settingsOf(repository.registry);
    return { mirrors: mirrorsOf(settings, settingsOf), registry: endpointBy(repository.registry, settings) };
  }

  async function read<T>(
    repository: Repository,
    reference: string,
    scope: RequestScope,
    question: (ask: Ask, endpoint: Endpoint, sources: Sources) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    checkPath(repository, reference);
    const sources = sourcesOf(repository);
    const askEndpoint = (endpoint: Endpoint) => {
      // In place of a mirror there is the registry.
      const asked = { endpoint, repository: repositoryAt(endpoint, repository), waits: endpoint === sources.registry };
      return question(createAsk(authorized, asked, scope), endpoint, sources);
    };
    // To await a promise is cheaper than to return it: no second promise has to be told of the first.
    return await askSources(sources, askEndpoint, scope);
  }

  const askedAt = (endpoint: Endpoint, { path }: Repository, scope: RequestScope): AskedRepository => ({
    endpoint,
    path,
    scope,
    way: () => authorized.wayTo(endpoint),
  });

  return {
    resolveTag: (repository, tag, scope) =>
      read(repository, tag, scope, (ask, endpoint, sources) =>
        resolveTag(ask, tag, { maximumBytes: limits.manifestBytes, believes404: endpoint !== sources.registry }),
      ),
    getManifest: (repository, reference, maximumBytes, scope) =>
      read(repository, reference, scope, (ask) => getManifest(ask, reference, maximumBytes)),
    async getBlob(repository, descriptor, scope) {
      scope.budget.expect(descriptor.size);
      return read(repository, descriptor.digest, scope, (ask) => getBlob(ask, descriptor, blobBytes));
    },
    async listReferrers(repository, digest, scope, anew = false) {
      const found = await read(repository, digest, scope, async (ask, endpoint, sources) => {
        const list = await referrers.list(ask, askedAt(endpoint, repository, scope), digest, anew);
        // A mirror with nothing to tell may just not have copied the signatures.
        return endpoint !== sources.registry && list.descriptors.length === 0 ? undefined : list;
      });
      return found ?? { descriptors: [], truncated: false };
    },
    async askReferrersAhead(repository, digest, scope) {
      const { mirrors, registry } = sourcesOf(repository);
      // A mirror may lack what the registry has: that would be two questions.
      if (mirrors.length > 0) return;
      checkPath(repository, digest);
      // After what is asked for in this turn, which takes the connection that is free.
      await setImmediate();
      const asked = { endpoint: registry, repository: repositoryAt(registry, repository), waits: false };
      const ask = createAsk(authorized, asked, scope);
      await referrers.askAhead(ask, askedAt(registry, repository, scope), digest);
    },
    close: () => connections.close(),
  };
}
