// SPDX-License-Identifier: Apache-2.0
import { Agent, buildConnector } from 'undici';
import type { LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import { guardedLookup, permitsHost, refusal } from './addresses.ts';
import type { Route } from './endpoints.ts';

/** Response headers of one reply, bytes; presigned redirects are the longest honest ones. */
const HEADER_BYTES = 32 * 1024;
/** Sockets to one origin: enough for a busy webhook, few enough for a registry's connection limits. */
const SOCKETS_PER_ORIGIN = 64;
const KEEP_ALIVE_MILLISECONDS = 30_000;

/** Kept-alive connections, apart for each route so that a wide reach never serves a narrow one. */
export interface Connections {
  to(route: Route): Dispatcher;
  close(): Promise<void>;
}

export function createConnections(options: {
  readonly lookup: LookupFunction;
  readonly connectMilliseconds: number;
}): Connections {
  const agents = new Map<string, Agent>();
  return {
    to(route) {
      const key = `${route.reach}\n${route.ca ?? ''}`;
      const known = agents.get(key);
      if (known) return known;
      const agent = createAgent(route, options);
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

function createAgent(
  route: Route,
  options: { readonly lookup: LookupFunction; readonly connectMilliseconds: number },
): Agent {
  return new Agent({
    connect: guardedConnector(route, options),
    connections: SOCKETS_PER_ORIGIN,
    keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
    keepAliveMaxTimeout: 2 * KEEP_ALIVE_MILLISECONDS,
    maxHeaderSize: HEADER_BYTES,
    // The transport bounds the whole exchange; these only stop idle waits that it has given up on.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/** `net.connect` asks no look-up for an address written as such, so literals are checked here. */
function guardedConnector(
  route: Route,
  options: { readonly lookup: LookupFunction; readonly connectMilliseconds: number },
): buildConnector.connector {
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
