// SPDX-License-Identifier: Apache-2.0
// A server that reads whatever comes, and does nothing with it; in a thread of its own.
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { parentPort } from 'node:worker_threads';
import { listen } from '../../fakes/registry/registry.ts';
import { makeAuthority } from '../../fakes/tls.ts';

function discard(request: IncomingMessage, response: ServerResponse): void {
  request.on('error', () => undefined).resume();
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
}

function quiet<T extends Server>(server: T): T {
  server.on('clientError', (_error, socket) => socket.destroy());
  server.on('tlsClientError', (_error: unknown, socket: { destroy(): void }) => socket.destroy());
  return server;
}

const encrypted = quiet(createServer(makeAuthority().certify('127.0.0.1'), discard));
const plain = quiet(createHttpServer(discard));
parentPort?.postMessage({
  encrypted: `https://127.0.0.1:${await listen(encrypted)}`,
  plain: `http://127.0.0.1:${await listen(plain)}`,
});
