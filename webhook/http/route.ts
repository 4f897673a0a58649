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

/** What the address of a request says. */
interface Address {
  readonly endpoint: Endpoint;
  readonly token: string | undefined;
  readonly timeoutMilliseconds: number | undefined;
}

/** An API server calls by two addresses, for minutes. */
const MOST_ADDRESSES = 16;

/** What a request asks for. Throws HttpFault (403, 404, 405, 415) before any of the body is read. */
export function createRouter(
  endpoints: Door['endpoints'],
  callerBy: CallerBy,
): (request: Pick<IncomingMessage, 'url' | 'method' | 'headers'>) => Route {
  /** Of those that were admitted; who calls by them is asked each time. */
  const known = new Map<string, Address>();
  return ({ url = '', method, headers }) => {
    const before = known.get(url);
    const address = before ?? addressOf(url, endpoints);
    const caller = admitted(callerBy(address.token));
    if (method !== 'POST') throw new HttpFault(405, 'only POST is served');
    checkContent(headers);
    if (before === undefined) {
      if (known.size >= MOST_ADDRESSES) known.clear();
      known.set(url, address);
    }
    return { endpoint: address.endpoint, caller, timeoutMilliseconds: address.timeoutMilliseconds };
  };
}

function addressOf(url: string, endpoints: Door['endpoints']): Address {
  const [path = '', query = ''] = url.split('?', 2);
  const [, name = '', token] = PATH.exec(path) ?? [];
  const endpoint = endpoints.get(name);
  if (endpoint === undefined) throw new HttpFault(404, `only ${[...endpoints.keys()].join(' and ')} are served`);
  return { endpoint, token, timeoutMilliseconds: parseGoDuration(TIMEOUT.exec(query)?.[1] ?? '') };
}

const JSON_TYPE = 'application/json';

function admitted(caller: Caller): Route['caller'] {
  if (caller === 'refused') throw new HttpFault(403, 'only API servers are answered');
  return caller;
}

function checkContent(headers: IncomingMessage['headers']): void {
  const type = headers['content-type'] ?? '';
  const [mediaType = ''] = type === JSON_TYPE ? [type] : type.split(';', 1);
  if (mediaType.trim().toLowerCase() !== JSON_TYPE) {
    throw new HttpFault(415, 'Content-Type must be application/json');
  }
  // A compressed body could be larger than any cap on what arrives.
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') {
    throw new HttpFault(415, 'Content-Encoding must be identity');
  }
}
