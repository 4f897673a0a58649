// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { CONTENT_POLICY } from '../../core/page/page.ts';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import { startOneRequestServer, type OneRequestServer } from '../http/one-request-server.ts';

export interface DashboardServerOptions {
  /** 0: any free one. */
  readonly port: number;
  /** HTML in UTF-8. */
  readonly page: () => Uint8Array;
  readonly log: Logger;
  readonly limits?: Partial<DashboardLimits>;
}

export interface DashboardLimits {
  readonly connections: number;
  /** Milliseconds that a connection lasts, whatever happens on it. */
  readonly connectionMilliseconds: number;
}

export type DashboardServer = OneRequestServer;

/** The only address: it can be reached by port-forward, and by processes in the Pod. */
const LOOPBACK = '127.0.0.1';
const LIMITS: DashboardLimits = { connections: 16, connectionMilliseconds: 30_000 };
/** What a browser on the other end of a port-forward asks for; a name that leads here by DNS is none of them. */
const HOSTS = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/** The page shows what all namespaces run: no other page may read, frame, keep or pass it on, and it loads nothing. */
const HEADERS = {
  'content-security-policy': `${CONTENT_POLICY}; frame-ancestors 'none'`,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
} as const;

/** Plain HTTP, one page, nothing to write. Rejects if it cannot listen. */
export function startDashboardServer(options: DashboardServerOptions): Promise<DashboardServer> {
  const { connections, connectionMilliseconds } = { ...LIMITS, ...options.limits };
  return startOneRequestServer({
    listen: { host: LOOPBACK, port: options.port },
    connectionMilliseconds,
    maxConnections: connections,
    onConnection: (socket) => {
      // A mesh's proxy passes on what comes from other Pods, over the loopback, but from another of its addresses.
      if (socket.remoteAddress !== LOOPBACK) socket.destroy();
    },
    answer: (request, response) => {
      try {
        answer(options, request, response);
      } catch (thrown) {
        options.log.error('the dashboard could not be shown', { error: errorText(thrown) });
        refuse(response, 500, 'This page could not be made; the log says why.');
      }
    },
  });
}

function answer({ page }: DashboardServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '' } = request;
  if (method !== 'GET' && method !== 'HEAD') return refuse(response, 405, 'Only GET.', { allow: 'GET, HEAD' });
  if (!isOurHost(request)) return refuse(response, 403, 'Ask for it as localhost or 127.0.0.1.');
  if (hasBody(request)) return refuse(response, 400, 'Nothing is taken in.');
  if (url !== '/') return refuse(response, 404, 'There is one page: /');
  const body = page();
  response.writeHead(200, { ...HEADERS, 'content-type': 'text/html; charset=utf-8', 'content-length': body.length });
  response.end(method === 'HEAD' ? undefined : body);
}

/** Exactly one: which of two counts is anybody's guess. */
function isOurHost({ headersDistinct }: IncomingMessage): boolean {
  const [host = '', ...more] = headersDistinct['host'] ?? [];
  return more.length === 0 && HOSTS.test(host);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

// oxlint-disable-next-line max-params -- what an answer is made of
function refuse(response: ServerResponse, status: number, text: string, more: OutgoingHttpHeaders = {}): void {
  if (response.headersSent) return void response.destroy();
  const headers = { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', 'content-length': text.length, ...more };
  response.writeHead(status, headers);
  response.end(text);
}
