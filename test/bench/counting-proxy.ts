// SPDX-License-Identifier: Apache-2.0
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A reverse proxy that counts what passes: the same ruler for every client of one registry. */
export interface CountingProxy {
  /** `127.0.0.1:port`, to be used as the registry's host. */
  readonly host: string;
  /** `METHOD path` of each request since the last `reset`, in order of arrival. */
  readonly requests: readonly string[];
  reset(): void;
  close(): Promise<void>;
}

/**
 * @param target `host:port` of the real registry, over HTTP.
 * @param delayMilliseconds added to each exchange before it is passed on: a far registry.
 */
export async function startCountingProxy(target: string, delayMilliseconds = 0): Promise<CountingProxy> {
  const [hostname, port] = target.split(':');
  const requests: string[] = [];
  const server = createServer((incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`);
    const passOn = () => {
      const { method, url: path, headers } = incoming;
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
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port: ownPort } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${ownPort}`,
    requests,
    reset: () => {
      requests.length = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
