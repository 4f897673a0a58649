// SPDX-License-Identifier: Apache-2.0
import { HttpFault } from './body.ts';
import { parseGoDuration } from './deadline.ts';
import type { IncomingMessage } from 'node:http';
import type { Door, Endpoint } from './door.ts';

export interface Route {
  readonly endpoint: Endpoint;
  readonly caller: Exclude<Caller, 'refused'>;
  /** The API server's `?timeout=`; undefined where there is none that can be read. */
  readonly timeoutMilliseconds: number | undefined;
}

/** A duration needs no escapes, so the query needs no decoding. */
const TIMEOUT = /(?:^|&)timeout=([^&]{0,32})(?:&|$)/;

/** An endpoint, and what its caller proves itself by. */
const PATH = /^(\/[a-z]{1,32})(?:\/([0-9a-f]{1,128}))?$/;

/** `known`: by what only API servers are told; `anybody`: it proves nothing, and needs not. */
export type Caller = 'known' | 'anybody' | 'refused';

/** Who calls by this end of the path; undefined: the path has none. */
export type CallerBy = (token: string | undefined) => Caller;

/** What a request asks for. Throws HttpFault (403, 404, 405, 415) before any of the body is read. */
export function routeOf(request: IncomingMessage, endpoints: Door['endpoints'], callerBy: CallerBy): Route {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const [, name = '', token] = PATH.exec(path) ?? [];
  const endpoint = endpoints.get(name);
  if (endpoint === undefined) throw new HttpFault(404, `only ${[...endpoints.keys()].join(' and ')} are served`);
  const caller = admitted(callerBy(token));
  if (request.method !== 'POST') throw new HttpFault(405, 'only POST is served');
  checkContent(request.headers);
  return { endpoint, caller, timeoutMilliseconds: parseGoDuration(TIMEOUT.exec(query)?.[1] ?? '') };
}

function admitted(caller: Caller): Route['caller'] {
  if (caller === 'refused') throw new HttpFault(403, 'only API servers are answered');
  return caller;
}

function checkContent(headers: IncomingMessage['headers']): void {
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';', 1);
  if (mediaType.trim().toLowerCase() !== 'application/json') {
    throw new HttpFault(415, 'Content-Type must be application/json');
  }
  // A compressed body could be larger than any cap on what arrives.
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new HttpFault(415, 'Content-Encoding must be identity');
  }
}
