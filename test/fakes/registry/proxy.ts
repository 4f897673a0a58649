// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { listen, stop } from './registry.ts';

export interface FakeProxy {
  readonly url: string;
  /** `host:port` of each tunnel that was asked for. */
  readonly tunnels: readonly string[];
  close(): Promise<void>;
}

/** A proxy that knows only CONNECT; `whither` is its name server: the port on this machine, or none. */
export async function startFakeProxy(whither: (target: string) => number | undefined): Promise<FakeProxy> {
  const tunnels: string[] = [];
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', (request, socket, head) => {
    const target = request.url ?? '';
    tunnels.push(target);
    const port = whither(target);
    if (port === undefined) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      socket.pipe(onward).pipe(socket);
    });
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
    socket.on('close', () => onward.destroy());
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, tunnels, close: () => stop(server) };
}
