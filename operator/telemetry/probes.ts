// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';

export interface ProbesOptions {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Why this replica should get no requests now; empty: ready. */
  readonly notReady: () => readonly string[];
  /** Why API servers don't ask about every Pod yet, as this release has it; empty: they do. */
  readonly notInForce: () => readonly string[];
  /** Left out: none are served. */
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Who may hold a connection. */
  readonly connections: ProbeConnections;
  readonly log: Logger;
}

export interface ProbeConnections {
  open(socket: Socket): void;
  of(socket: Socket): { reach(stage: 'waiting' | 'answering'): void };
}

export interface Probes {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/healthz`, `/readyz` and `/armed` (with the reasons, one a line) and, where there are some, `/metrics`; plain HTTP. Rejects if it
 * cannot listen.
 */
export async function startProbes(options: ProbesOptions): Promise<Probes> {
  const server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, maxHeaderSize: 8192 },
    (request, response) => {
      const connection = options.connections.of(request.socket);
      connection.reach('answering');
      response.once('close', () => connection.reach('waiting'));
      answer(options, request, response).catch((thrown: unknown) => {
        options.log.error('a probe failed', { error: errorText(thrown) });
        send(response, 500, 'failed');
      });
    },
  );
  server.on('connection', (socket: Socket) => options.connections.open(socket));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(options.listen.port, options.listen.host, resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server of probes has no port');
  const close = async () => {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    server.closeAllConnections();
    await closed.promise;
  };
  return { port: address.port, close };
}

/** What holds where there are none, by path. */
const REASONS = new Map([
  ['/readyz', ({ notReady }: ProbesOptions) => notReady()],
  ['/armed', ({ notInForce }: ProbesOptions) => notInForce()],
]);

const ALIVE: ReadonlySet<string> = new Set(['/healthz', '/livez']);

async function answer(options: ProbesOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET');
  const [path = ''] = (request.url ?? '').split('?', 1);
  if (ALIVE.has(path)) return send(response, 200, 'ok');
  const reasons = REASONS.get(path)?.(options);
  if (reasons !== undefined) return sendReasons(response, reasons);
  const { metrics } = options;
  if (path !== '/metrics' || !metrics) return send(response, 404, 'not found');
  const { contentType, text } = await metrics();
  send(response, 200, text, contentType);
}

function sendReasons(response: ServerResponse, reasons: readonly string[]): void {
  if (reasons.length === 0) send(response, 200, 'ok');
  else send(response, 503, reasons.join('\n'));
}

// oxlint-disable-next-line max-params -- what an answer is made of
function send(response: ServerResponse, status: number, text: string, contentType = 'text/plain; charset=utf-8'): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
