// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { holdFirstRequests } from '../../core/http/first-request.ts';

export interface OneRequestServerOptions {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Milliseconds that a connection lasts, whatever happens on it. */
  readonly connectionMilliseconds: number;
  /** Those beyond it are closed at once. Left out: any number. */
  readonly maxConnections?: number;
  /** For each new connection, before anything is read. It may destroy this or others, so that there is room. */
  readonly onConnection: (socket: Socket) => void;
  /** Must not throw. */
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export interface OneRequestServer {
  readonly port: number;
  readonly close: () => Promise<void>;
}

const LIMITS = { headerBytes: 8192, headersMilliseconds: 5000 } as const;

/**
 * Plain HTTP for clients who ask one thing at a time. A connection has one request: who sends another before the answer
 * is cut off. Anybody can send thousands in one packet, and would have each of them answered. Rejects if it cannot listen.
 */
export async function startOneRequestServer(options: OneRequestServerOptions): Promise<OneRequestServer> {
  const { listen, connectionMilliseconds, maxConnections, onConnection, answer } = options;
  const { headerBytes, headersMilliseconds } = LIMITS;
  const asked = new WeakSet<Socket>();
  const server = createServer(
    {
      maxHeaderSize: headerBytes,
      headersTimeout: headersMilliseconds,
      requestTimeout: headersMilliseconds,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      const { socket } = request;
      if (asked.has(socket)) {
        socket.destroy();
        return;
      }
      asked.add(socket);
      response.setHeader('connection', 'close');
      answer(request, response);
    },
  );
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  const firstRequests = holdFirstRequests(server, 'connection', LIMITS);
  server.on('connection', (socket) => {
    const end = setTimeout(() => socket.destroy(), connectionMilliseconds).unref();
    socket.once('close', () => clearTimeout(end));
    onConnection(socket);
  });
  const ready = Promise.withResolvers<void>();
  server.once('error', ready.reject);
  server.listen(listen.port, listen.host, ready.resolve);
  await ready.promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('this server has no port');
  return {
    port: address.port,
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      firstRequests.close();
      server.closeAllConnections();
      await closed.promise;
    },
  };
}
