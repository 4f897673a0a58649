// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '../../core/text.ts';
import { HttpFault, parseJson, readBody } from './body.ts';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from './limits.ts';
import { routeOf, type MayCall } from './route.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Logger } from '../../core/observe.ts';
import type { BodyBudget } from './body.ts';
import type { Answer, Arrival, Door } from './door.ts';

export interface ServingCertificate {
  /** PEM, the leaf first. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface WebhookServerOptions {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly tls: ServingCertificate;
  /** No two with the same path. */
  readonly doors: readonly Door[];
  /** Left out: everybody. */
  readonly mayCall?: MayCall;
  /** Whether clients should go elsewhere for now: then too each answer is the last of its connection. */
  readonly isLeaving?: () => boolean;
  readonly log: Logger;
  /** A request for an endpoint was answered, with this HTTP status. */
  readonly onAnswered?: (endpoint: string, status: number) => void;
  readonly limits?: Partial<ServerLimits>;
}

export interface WebhookServer {
  readonly port: number;
  /** For handshakes from now on; open connections live on. Throws on what is no certificate, and keeps the old one. */
  setCertificate(certificate: ServingCertificate): void;
  /**
   * Goes on serving, but each answer is the last of its connection: clients leave one by one. An idle connection that
   * is closed at the moment in which its client sends a review would lose that review.
   */
  retire(): void;
  /** Takes no new connections, answers what has arrived, and after `graceMilliseconds` cuts what is left. */
  drain(graceMilliseconds: number): Promise<void>;
}

interface Serving {
  readonly endpoints: Door['endpoints'];
  readonly log: Logger;
  readonly limits: ServerLimits;
  readonly budget: BodyBudget;
  readonly onAnswered: (endpoint: string, status: number) => void;
  readonly isLeaving: () => boolean;
  readonly mayCall: MayCall;
  retiring: boolean;
}

/** Serves what the doors have. Rejects if it cannot listen or the certificate is none. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  const { doors, log, onAnswered = () => undefined, isLeaving = () => false, mayCall = () => true } = options;
  const endpoints = new Map(doors.flatMap((door) => Array.from(door.endpoints)));
  const budget = { maximumBytes: limits.heldBytes, heldBytes: 0 };
  const serving: Serving = { endpoints, log, limits, budget, onAnswered, isLeaving, mayCall, retiring: false };
  const server = createServer(
    {
      ...options.tls,
      minVersion: 'TLSv1.2',
      handshakeTimeout: limits.headersMilliseconds,
      headersTimeout: limits.headersMilliseconds,
      requestTimeout: limits.requestMilliseconds,
      keepAliveTimeout: limits.idleMilliseconds,
      connectionsCheckingInterval: Math.min(1000, limits.headersMilliseconds),
      maxHeaderSize: limits.headerBytes,
    },
    (request, response) => {
      // Last line of defence: whatever is forgotten below costs its connection, never the process.
      answer(serving, request, response).catch(() => response.destroy());
    },
  );
  server.maxConnections = limits.connections;
  server.on('clientError', answerBadRequest);
  server.on('tlsClientError', (error) => log.debug('TLS handshake failed', { error: errorText(error) }));
  await listening(server, options.listen);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the webhook server has no port');
  return {
    port: address.port,
    setCertificate: (certificate) => server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' }),
    retire: () => {
      serving.retiring = true;
    },
    drain: (graceMilliseconds) => {
      serving.retiring = true;
      return drain(server, graceMilliseconds);
    },
  };
}

async function answer(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const arrived = performance.now();
  const gone = new AbortController();
  let counted: string | undefined;
  response.on('close', () => {
    if (!response.writableFinished) gone.abort();
    if (counted !== undefined && response.headersSent) serving.onAnswered(counted, response.statusCode);
  });
  try {
    const { endpoint, timeoutMilliseconds } = routeOf(request, serving.endpoints, serving.mayCall);
    counted = endpoint.name;
    const body = await readBody(request, serving.limits.bodyBytes, serving.budget);
    try {
      const json = parseJson(body);
      const { traceparent } = request.headers;
      const arrival: Arrival = {
        elapsedMilliseconds: performance.now() - arrived,
        ...(timeoutMilliseconds !== undefined && { timeoutMilliseconds }),
        ...(typeof traceparent === 'string' && { traceparent }),
      };
      send(serving, response, await endpoint.answer(json, gone.signal, arrival));
    } finally {
      body.release();
    }
  } catch (error) {
    sendFault(serving, response, error);
  }
}

function send(serving: Serving, response: ServerResponse, { status, json }: Answer): void {
  const text = JSON.stringify(json);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...((serving.retiring || serving.isLeaving()) && { connection: 'close' }),
  });
  response.end(text);
}

function sendFault({ log }: Serving, response: ServerResponse, error: unknown): void {
  const fault = error instanceof HttpFault ? error : new HttpFault(500, 'Cosignet failed inside; see its logs');
  log.warn('request refused', {
    status: fault.status,
    reason: errorText(error),
    from: response.socket?.remoteAddress,
  });
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  // The rest of the body is not read: the connection ends here.
  response.writeHead(fault.status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(fault.message),
    connection: 'close',
    ...(fault.status === 405 && { allow: 'POST' }),
  });
  response.end(fault.message);
}

/** What Node's parser would not read: broken, too long or too slow. */
function answerBadRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const lines: Readonly<Record<string, string>> = {
    HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
    ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  };
  const line = lines[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

async function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  const ready = Promise.withResolvers<void>();
  server.once('error', ready.reject);
  server.listen(port, host, ready.resolve);
  await ready.promise;
  server.off('error', ready.reject);
}

async function drain(server: Server, graceMilliseconds: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  // An error means that it was not listening any more.
  server.close(() => closed.resolve());
  const cut = new AbortController();
  const graceOver = delay(graceMilliseconds, undefined, { signal: cut.signal }).then(
    () => server.closeAllConnections(),
    () => undefined,
  );
  await closed.promise;
  cut.abort();
  await graceOver;
}
