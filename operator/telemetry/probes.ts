// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import { startOneRequestServer, type OneRequestServer } from '../http/one-request-server.ts';
import { sparingly } from './sparingly.ts';

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
  readonly connections: {
    open(socket: Socket): void;
    of(socket: Socket): { reach(stage: 'waiting' | 'answering'): void };
  };
  readonly log: Logger;
}

export type Probes = OneRequestServer;

interface ProbeAnswer {
  readonly status: number;
  readonly text: string;
  /** Left out: plain text. */
  readonly contentType?: string;
}

const CONNECTION_MILLISECONDS = 5000;

/**
 * `/healthz`, `/readyz` and `/armed` (with the reasons, one a line) and, where there are some, `/metrics`; plain HTTP.
 * Rejects if it cannot listen.
 */
export function startProbes(options: ProbesOptions): Promise<Probes> {
  const { listen, connections, log, metrics } = options;
  const asked = { ...options, ...(metrics && { metrics: sparingly(metrics) }) };
  return startOneRequestServer({
    listen,
    connectionMilliseconds: CONNECTION_MILLISECONDS,
    onConnection: (socket) => connections.open(socket),
    answer: (request, response) => {
      connections.of(request.socket).reach('answering');
      answerTo(asked, request).then(
        (answer) => send(response, answer),
        (thrown: unknown) => {
          log.error('a probe failed', { error: errorText(thrown) });
          send(response, { status: 500, text: 'failed' });
        },
      );
    },
  });
}

/** Why what a path stands for does not hold; empty: it does. */
const REASONS = new Map([
  ['/readyz', ({ notReady }: ProbesOptions) => notReady()],
  ['/armed', ({ notInForce }: ProbesOptions) => notInForce()],
]);

const ALIVE: ReadonlySet<string> = new Set(['/healthz', '/livez']);

async function answerTo(options: ProbesOptions, { method, url = '' }: IncomingMessage): Promise<ProbeAnswer> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET' };
  const [path = ''] = url.split('?', 1);
  if (ALIVE.has(path)) return { status: 200, text: 'ok' };
  const reasons = REASONS.get(path)?.(options);
  if (reasons !== undefined) return ofReasons(reasons);
  const { metrics } = options;
  if (path !== '/metrics' || !metrics) return { status: 404, text: 'not found' };
  return { status: 200, ...(await metrics()) };
}

function ofReasons(reasons: readonly string[]): ProbeAnswer {
  return reasons.length === 0 ? { status: 200, text: 'ok' } : { status: 503, text: reasons.join('\n') };
}

function send(
  response: ServerResponse,
  { status, text, contentType = 'text/plain; charset=utf-8' }: ProbeAnswer,
): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) });
  // To HEAD, Node sends the head alone.
  response.end(text);
}
