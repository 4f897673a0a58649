// SPDX-License-Identifier: Apache-2.0
import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listen, stop } from '../../fakes/registry/registry.ts';

/** A reverse proxy that counts what passes: the same ruler for every client of one registry. */
export interface CountingProxy {
  /** `127.0.0.1:port`, to be used as the registry's host. */
  readonly host: string;
  /** `METHOD path` of each request since the last `reset`, in order of arrival. */
  readonly requests: readonly string[];
  reset(): void;
  close(): Promise<void>;
}

export interface CountingProxyOptions {
  /** Added to each exchange before it is passed on: a far registry. */
  readonly delayMilliseconds?: number;
  /** Ask for a bearer token, and hand one to anybody: what most public registries do. */
  readonly token?: boolean;
}

const TOKEN = 'anybody';

/** @param target `host:port` of the real registry, over HTTP. */
export async function startCountingProxy(target: string, options: CountingProxyOptions = {}): Promise<CountingProxy> {
  const { delayMilliseconds = 0, token = false } = options;
  const [hostname, port] = target.split(':');
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    if (token && askForToken(incoming, outgoing)) {
      return;
    }
    const passOn = () => {
      const { method, url: path } = incoming;
      const { authorization: _ours, ...headers } = incoming.headers;
      const upstream = request({ hostname, port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      upstream.on('error', () => outgoing.writeHead(502).end());
      incoming.pipe(upstream);
    };
    if (delayMilliseconds > 0) {
      setTimeout(passOn, delayMilliseconds);
    } else {
      passOn();
    }
  });
  const ownPort = await listen(server);
  return {
    host: `127.0.0.1:${ownPort}`,
    requests,
    reset: () => {
      requests.length = 0;
    },
    close: () => stop(server),
  };
}

/** True: it has answered, with a token or with the demand for one. */
function askForToken(incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  const { url = '', headers } = incoming;
  if (url.startsWith('/token')) {
    outgoing.setHeader('content-type', 'application/json');
    outgoing.end(JSON.stringify({ token: TOKEN, expires_in: 300 }));
    return true;
  }
  if (headers.authorization === `Bearer ${TOKEN}`) {
    return false;
  }
  const repository = /^\/v2\/(.+)\/(?:manifests|blobs|referrers)\//.exec(url)?.[1];
  const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull"`;
  outgoing.setHeader('www-authenticate', `Bearer realm="http://${headers.host}/token",service="bench"${scope}`);
  outgoing.writeHead(401).end();
  return true;
}
