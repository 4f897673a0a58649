// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { errorText } from '../../core/text.ts';
import { listen, stop } from '../fakes/registry/registry.ts';

/** One request to the registry. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** `127.0.0.1:port` of the front: where the client believes the registry to be. */
  readonly host: string;
  /** What the real registry says, to this request or to another. */
  onward(this: void, instead?: { readonly method?: Dispatcher.HttpMethod; readonly path?: string }): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Uint8Array | string;
}

/** How a registry answers. */
export type Manner = (asked: Asked) => Answer | Promise<Answer>;

/** Stands in front of a real registry and has its manners. */
export interface Front {
  readonly host: string;
  /** `GET /v2/app/manifests/1.0 404` of each request since the last `behave`. */
  readonly requests: readonly string[];
  /** Left out: as the registry itself. */
  behave(manner?: Manner): void;
  close(): Promise<void>;
}

const asItIs: Manner = ({ onward }) => onward();

export async function startFront(registry: string): Promise<Front> {
  let manner = asItIs;
  let requests: string[] = [];
  const server = createServer((incoming, response) => {
    void answer(incoming).then(({ status, headers, body }) => {
      requests.push(`${incoming.method} ${incoming.url} ${status}`);
      // A length of ours would be that of an empty body where the request was HEAD.
      const length = incoming.method === 'HEAD' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      response.writeHead(status, { ...headers, ...length }).end(incoming.method === 'HEAD' ? undefined : body);
    });
  });
  const host = `127.0.0.1:${await listen(server)}`;

  async function answer(incoming: IncomingMessage): Promise<Answer> {
    const { method = 'GET', url = '/', headers } = incoming;
    const sent = await buffer(incoming);
    const onward: Asked['onward'] = (instead) =>
      forward(registry, { method, path: url, headers, body: sent, ...instead });
    try {
      return await manner({ method, path: url, headers, body: sent.toString(), host, onward });
    } catch (error) {
      return { status: 599, headers: {}, body: `the front failed: ${errorText(error)}` };
    }
  }

  return {
    host,
    get requests() {
      return requests;
    },
    behave(next = asItIs) {
      manner = next;
      requests = [];
    },
    close: () => stop(server),
  };
}

interface Forwarded {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

/** With the client's `host`, so that the registry's own links lead back through the front. */
async function forward(registry: string, { method, path, headers, body }: Forwarded): Promise<Answer> {
  const { connection: _, 'transfer-encoding': __, 'content-length': ___, ...kept } = headers;
  const response = await request(`http://${registry}${path}`, {
    method,
    headers: kept,
    body: body.length === 0 ? null : Buffer.from(body),
  });
  const bytes = new Uint8Array(await response.body.arrayBuffer());
  const { connection: ____, 'transfer-encoding': _____, 'keep-alive': ______, ...given } = response.headers;
  return { status: response.statusCode, headers: defined(given), body: bytes };
}

function defined(headers: IncomingHttpHeaders): Readonly<Record<string, string | string[]>> {
  const found = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(found);
}

/** An answer as registries word their refusals. */
export function refusal(status: number, code = 'UNSUPPORTED', headers: Answer['headers'] = {}): Answer {
  const body = JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] });
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** Answers some questions otherwise than the registry does, where that has an answer. */
export function changing(
  which: (asked: Asked) => boolean,
  how: (answer: Answer, asked: Asked) => Answer | Promise<Answer>,
): Manner {
  return async (asked) => {
    const answer = await asked.onward();
    return answer.status === 200 && which(asked) ? how(answer, asked) : answer;
  };
}

/** Answers so where the registry has nothing. */
export function insteadOf404(which: (asked: Asked) => boolean, how: () => Answer): Manner {
  return async (asked) => {
    const answer = await asked.onward();
    return answer.status === 404 && which(asked) ? how() : answer;
  };
}

export function withHeaders(answer: Answer, headers: Answer['headers']): Answer {
  return { ...answer, headers: { ...answer.headers, ...headers } };
}
