// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type Socket } from 'node:net';

/** A way to a server that can be broken without either side hearing of it, as a network that drops everything. */
export interface Link {
  /** `https://127.0.0.1:port`. */
  readonly server: string;
  /** From now on nothing arrives: of either direction, or of what is asked only. Nothing is closed either. */
  cut(what?: 'everything' | 'requests'): void;
  /** What was sent meanwhile arrives now, as it does after TCP has repeated it often enough. */
  heal(): void;
  /** Bytes that were sent to the server and have not left here. */
  held(): number;
  close(): Promise<void>;
}

/** A link to `https://host:port`. */
export async function openLink(server: string): Promise<Link> {
  const { hostname, port } = new URL(server);
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  /** What clients sent, or their ends, while that direction was cut; in order. */
  let late: (() => void)[] = [];
  let heldBytes = 0;
  const isCut = { requests: false, answers: false };
  const toServer = (act: () => void) => (isCut.requests ? void late.push(act) : act());

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    if (isCut.answers) upstream.pause();
    client.on('data', (chunk: Buffer) => {
      if (isCut.requests) heldBytes += chunk.length;
      toServer(() => upstream.write(chunk));
    });
    client.on('end', () => toServer(() => upstream.end()));
    client.on('close', () => toServer(() => upstream.destroy()));
    upstream.on('data', (chunk: Buffer) => client.write(chunk));
    upstream.on('end', () => client.end());
    upstream.on('close', () => client.destroy());
    for (const [socket, all] of [
      [client, clients],
      [upstream, upstreams],
    ] as const) {
      all.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => all.delete(socket));
    }
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', resolve);
  });
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the link has no port');

  return {
    server: `https://127.0.0.1:${address.port}`,
    cut(what = 'everything') {
      isCut.requests = true;
      isCut.answers = what === 'everything';
      if (isCut.answers) for (const socket of upstreams) socket.pause();
    },
    heal() {
      isCut.requests = false;
      isCut.answers = false;
      for (const act of late) act();
      late = [];
      heldBytes = 0;
      for (const socket of upstreams) socket.resume();
    },
    held: () => heldBytes,
    close: async () => {
      for (const socket of [...clients, ...upstreams]) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}
