// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:crypto';
import { createServer } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { holdFirstRequests } from '../../core/http/first-request.ts';
import { createOneATurn, type OneATurn } from '../../core/turns/one-a-turn.ts';
import { errorText } from '../../core/text.ts';
import { answerUnreadable, sendAnswer, sendFault } from './answers.ts';
import { HttpFault, parseJson, readBody, type BodyLimits, type HeldBody } from './body.ts';
import { Caller } from './caller.ts';
import { createClientCheck, type ClientAuthorities, type IsKnownClient } from './client-certificate.ts';
import { createConnections, tellOf, type Connections } from './connections.ts';

import { createHeldBytes, type HeldBytes } from './held-bytes.ts';
import { DEFAULT_SERVER_LIMITS, type ServerLimits } from './limits.ts';
import { createRequestOrder } from './request-order.ts';
import { createRouter, type CallerBy, type Route } from './route.ts';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket, type SecureContextOptions } from 'node:tls';
import type { Logger } from '../../core/observe.ts';
import type { Answer, Arrival, CallerPresence, Door, Endpoint } from './door.ts';

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
  /**
   * Asked before any of a body is read. The connection of one who is known is no stranger's any more (`limits.ts`); of
   * anybody, one review that came whole and was answered is proof enough. Left out: anybody.
   */
  readonly callerBy?: CallerBy;
  /** Whether clients should go elsewhere for now: then too each answer is the last of its connection. */
  readonly isLeaving?: () => boolean;
  /** Whose certificates callers must show; asked at each request. Left out: they need none. */
  readonly clientAuthorities?: () => ClientAuthorities;
  readonly log: Logger;
  /** A request for an endpoint was answered, with this HTTP status. */
  readonly onAnswered?: (endpoint: string, status: number) => void;
  readonly limits?: Partial<ServerLimits>;
}

export interface WebhookServer {
  readonly port: number;
  /** For handshakes from now on; open connections live on. Throws on what is no certificate, and keeps the old one. */
  setCertificate(certificate: ServingCertificate): void;
  /** `clientAuthorities` has changed. Connections are held to them from their next request on. */
  renewAuthorities(): void;
  /**
   * Goes on serving, but each answer is the last of its connection: clients leave one by one. An idle connection that
   * is closed at the moment in which its client sends a review would lose that review.
   */
  retire(): void;
  /** Takes no new connections, answers what has arrived, and after `graceMilliseconds` cuts what is left. */
  drain(graceMilliseconds: number): Promise<void>;
}

interface Serving {
  readonly log: Logger;
  readonly limits: ServerLimits;
  readonly connections: Connections;
  readonly heldBytes: HeldBytes;
  /** Logs that a stranger was refused, at most every ten seconds: requests without end must not fill the log. */
  readonly tellStranger: (last: string) => void;
  readonly largeBodies: OneATurn;
  readonly clientAuthorities: WebhookServerOptions['clientAuthorities'];
  readonly isKnownClient: IsKnownClient;
  readonly onAnswered: (endpoint: string, status: number) => void;
  readonly isLeaving: () => boolean;
  readonly routeOf: (request: IncomingMessage) => Route;
  retiring: boolean;
}

/** Serves what the doors have. Rejects if it cannot listen or the certificate is none. */
export async function startWebhookServer(options: WebhookServerOptions): Promise<WebhookServer> {
  const limits = { ...DEFAULT_SERVER_LIMITS, ...options.limits };
  const { doors, log, onAnswered = () => undefined, isLeaving = () => false } = options;
  const { callerBy = () => 'anybody', clientAuthorities } = options;
  let tls = options.tls;
  const secureContext = () => ({ ...tls, minVersion: 'TLSv1.2' as const, ...authoritiesFor(clientAuthorities) });
  const endpoints = new Map(doors.flatMap((door) => Array.from(door.endpoints)));
  const connections = createConnections(limits, tellOf(log, 'connections closed to make room for others'));
  const serving: Serving = {
    log,
    limits,
    connections,
    heldBytes: createHeldBytes(limits),
    tellStranger: tellOf(log, 'requests of strangers refused'),
    largeBodies: createOneATurn(),
    clientAuthorities,
    isKnownClient: createClientCheck(),
    onAnswered,
    isLeaving,
    routeOf: createRouter(endpoints, callerBy),
    retiring: false,
  };
  const isInTurn = createRequestOrder();
  const server = createServer(
    {
      ...secureContext(),
      requestCert: clientAuthorities !== undefined,
      // A client without one gets an HTTP answer that says so.
      rejectUnauthorized: false,
      handshakeTimeout: limits.headersMilliseconds,
      headersTimeout: limits.headersMilliseconds,
      requestTimeout: limits.requestMilliseconds,
      keepAliveTimeout: limits.idleMilliseconds,
      connectionsCheckingInterval: Math.min(1000, limits.headersMilliseconds),
      maxHeaderSize: limits.headerBytes,
    },
    (request, response) => {
      try {
        if (isInTurn(response)) answer(serving, request, response);
        else request.socket.destroy();
      } catch {
        // Whatever is forgotten below costs its connection, never the process.
        response.destroy();
      }
    },
  );
  const firstRequests = holdFirstRequests(server, 'secureConnection', limits);
  server.on('connection', (socket: Socket) => connections.open(socket));
  server.on('secureConnection', (socket) => connections.of(socket).reach('waiting'));
  const tellUnread = tellOf(log, 'requests that could not be read');
  server.on('clientError', (error, socket: Socket) => answerUnreadable(error, socket, tellUnread));
  server.on('tlsClientError', (error, socket) => {
    log.debug('TLS handshake failed', { error: errorText(error) });
    // Nothing can be said over it, and so nothing would ever have been said to the end.
    socket.destroy();
  });
  await listening(server, options.listen);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the webhook server has no port');
  return {
    port: address.port,
    setCertificate: (certificate) => {
      server.setSecureContext({ ...secureContext(), ...certificate });
      tls = certificate;
    },
    renewAuthorities: () => server.setSecureContext(secureContext()),
    retire: () => {
      serving.retiring = true;
    },
    drain: (graceMilliseconds) => {
      serving.retiring = true;
      firstRequests.close();
      return drain(server, connections, graceMilliseconds);
    },
  };
}

function answer(serving: Serving, request: IncomingMessage, response: ServerResponse): void {
  const arrived = performance.now();
  const caller = new Caller();
  const connection = serving.connections.of(request.socket);
  let counted: string | undefined;
  response.on('close', () => {
    connection.reach('waiting');
    if (!response.writableFinished) caller.leave();
    if (counted !== undefined && response.headersSent) serving.onAnswered(counted, response.statusCode);
  });
  const fail = (error: unknown): void => {
    try {
      refuse(serving, response, error);
    } catch {
      response.destroy();
    }
  };
  const finish = (answered: Answer): void => {
    try {
      if (answered.status === 200) connection.authenticate();
      sendAnswer(response, answered, serving.retiring || serving.isLeaving());
    } catch (error) {
      fail(error);
    }
  };
  // Not async: its frame would hold the body until the answer.
  const take = (route: Route, body: HeldBody): void => {
    try {
      connection.reach('answering');
      const arrival = {
        elapsedMilliseconds: performance.now() - arrived,
        timeoutMilliseconds: route.timeoutMilliseconds,
        traceparent: traceparentOf(request),
      };
      const answered = ask(route.endpoint, body, caller, arrival);
      if (answered instanceof Promise) answered.then(finish, fail);
      else finish(answered);
    } catch (error) {
      fail(error);
    }
  };
  try {
    const route = serving.routeOf(request);
    counted = route.endpoint.name;
    if (showsCertificate(serving, request) || route.caller === 'known') connection.authenticate();
    connection.reach('sending');
    const { limits, heldBytes, largeBodies } = serving;
    // Where an API server is slow, its users must not pay for it.
    const { bodyBytes } = limits;
    const bounds: BodyLimits = connection.isAuthenticated ? { bodyBytes } : limits;
    const { largest } = route.endpoint;
    const open = (giveWay: () => void) => heldBytes.open(connection, giveWay);
    readBody(request, largest ? { ...bounds, ...largest } : bounds, { open, largeBodies }).then(
      (body) => take(route, body),
      fail,
    );
  } catch (error) {
    fail(error);
  }
}

function traceparentOf({ headers: { traceparent } }: IncomingMessage): string | undefined {
  return typeof traceparent === 'string' ? traceparent : undefined;
}

/** Tickets would carry a session past a change of the authorities. */
function authoritiesFor(clientAuthorities: WebhookServerOptions['clientAuthorities']): SecureContextOptions {
  return clientAuthorities ? { ca: clientAuthorities().ca, secureOptions: constants.SSL_OP_NO_TICKET } : {};
}

/** Before any of the body is read. Throws HttpFault 401 where a certificate is asked for and there is none that counts. */
function showsCertificate({ clientAuthorities, isKnownClient }: Serving, request: IncomingMessage): boolean {
  if (clientAuthorities === undefined) return false;
  if (request.socket instanceof TLSSocket && isKnownClient(request.socket, clientAuthorities())) return true;
  throw new HttpFault(401, 'a client certificate is needed, as clientCertificates of the configuration says');
}

/** Lets the body go before there is anything to wait for; not async, since its frame would hold it until the answer. */
// oxlint-disable-next-line max-params -- an endpoint's call, and of what
function ask(
  endpoint: Endpoint,
  body: HeldBody,
  caller: CallerPresence,
  arrival: Arrival,
): ReturnType<Endpoint['answer']> {
  try {
    return endpoint.answer(parseJson(body), caller, arrival);
  } finally {
    body.release();
  }
}

function refuse({ connections, log, tellStranger }: Serving, response: ServerResponse, error: unknown): void {
  const fault = error instanceof HttpFault ? error : new HttpFault(500, 'Cosignet failed inside; see its logs');
  const { status } = fault;
  const { isAuthenticated, source } = connections.of(response.req.socket);
  if (isAuthenticated) log.warn('request refused', { status, reason: errorText(error), from: source });
  else tellStranger(`${status} ${errorText(error)}, from ${source}`);
  sendFault(response, fault);
}

/**
 * Connections that the system takes while this process is busy; the next are not taken at all, and whoever opens them
 * tries again after a second, three, seven. Strangers must not fill it in one go. The system's own bound is mostly this.
 */
const BACKLOG = 4096;

async function listening(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  const ready = Promise.withResolvers<void>();
  server.once('error', ready.reject);
  server.listen({ port, host, backlog: BACKLOG }, ready.resolve);
  await ready.promise;
  server.off('error', ready.reject);
}

async function drain(server: Server, connections: Connections, graceMilliseconds: number): Promise<void> {
  const closed = Promise.withResolvers<void>();
  // An error means that it was not listening any more.
  server.close(() => closed.resolve());
  const cut = new AbortController();
  const graceOver = delay(graceMilliseconds, undefined, { signal: cut.signal }).then(
    // Also those that haven't come to speak HTTP, of which the server knows nothing.
    () => connections.closeAll(),
    () => undefined,
  );
  await closed.promise;
  cut.abort();
  await graceOver;
}
