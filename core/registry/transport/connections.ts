// SPDX-License-Identifier: Apache-2.0
import { Agent, buildConnector, ProxyAgent } from 'undici';
import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { guardedLookup, permitsHost, refusal } from './addresses.ts';
import type { Route } from './endpoints.ts';
import { proxyFor, type ProxySettings } from './proxy.ts';

/** Response headers of one response, bytes; presigned redirects are the longest honest ones. */
const HEADER_BYTES = 32 * 1024;
/** Sockets to one origin: enough for a busy webhook, few enough for a registry's connection limits. */
const SOCKETS_PER_ORIGIN = 64;
const KEEP_ALIVE_MILLISECONDS = 30_000;

/** Kept-alive connections, apart for each route so that a wide reach never serves a narrow one. */
export interface Connections {
  to(route: Route, target: URL): Dispatcher;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly lookup: LookupFunction;
  readonly connectMilliseconds: number;
  readonly proxy?: ProxySettings | undefined;
}

export function createConnections(options: ConnectionOptions): Connections {
  const agents = new Map<string, Dispatcher>();
  return {
    to(route, target) {
      const proxy = proxyFor(target, options.proxy);
      if (proxy !== undefined) checkProxied(route, target);
      const key = `${route.reach}\n${proxy ?? ''}\n${route.ca ?? ''}`;
      const known = agents.get(key);
      if (known) return known;
      const agent = proxy === undefined ? createAgent(route, options) : createProxyAgent(route, proxy, options);
      agents.set(key, agent);
      return agent;
    },
    async close() {
      const closing = [...agents.values()];
      agents.clear();
      await Promise.all(closing.map((agent) => agent.destroy()));
    },
  };
}

const POOL = {
  connections: SOCKETS_PER_ORIGIN,
  keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
  keepAliveMaxTimeout: 2 * KEEP_ALIVE_MILLISECONDS,
  maxHeaderSize: HEADER_BYTES,
  // The transport bounds the whole exchange; these only stop idle waits that it has given up on.
  headersTimeout: 0,
  bodyTimeout: 0,
};

function createAgent(route: Route, options: ConnectionOptions): Dispatcher {
  return new Agent({ ...POOL, connect: guardedConnector(route, options) });
}

/** TLS goes through the tunnel to the registry: the proxy sees names, and neither credentials nor content. */
function createProxyAgent(route: Route, uri: string, options: ConnectionOptions): Dispatcher {
  const timeout = options.connectMilliseconds;
  return new ProxyAgent({
    ...POOL,
    uri,
    allowH2: false,
    proxyTls: { timeout },
    requestTls: { timeout, allowH2: false, ...(route.ca === undefined ? {} : { ca: route.ca }) },
  });
}

/**
 * The proxy looks names up, so no address can be checked here; what a name or an address written as such tells is
 * checked all the same, with the names of the cluster out of reach for redirects, too.
 */
function checkProxied({ reach }: Route, { hostname }: URL): void {
  if (!permitsHost(reach, hostname) || (reach === 'public' && !permitsHost('named', hostname))) {
    throw refusal(hostname, hostname);
  }
}

/** `net.connect` asks no look-up for an address written as such, so literals are checked here. */
function guardedConnector(route: Route, options: ConnectionOptions): buildConnector.connector {
  const connect = buildConnector({
    lookup: guardedLookup(route.reach, options.lookup),
    timeout: options.connectMilliseconds,
    allowH2: false,
    ...(route.ca === undefined ? {} : { ca: route.ca }),
  });
  return (target, callback) => {
    if (permitsHost(route.reach, target.hostname)) return connect(target, callback);
    callback(refusal(target.hostname, target.hostname), null);
  };
}
