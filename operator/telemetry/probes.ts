// SPDX-License-Identifier: Apache-2.0
import { startOneRequestServer, type OneRequestOptions, type PlainAnswer } from './one-request.ts';
import { sparingly } from './sparingly.ts';

export interface ProbesOptions extends Omit<OneRequestOptions, 'answer'> {
  /** Why this replica should get no requests now; empty: ready. */
  readonly notReady: () => readonly string[];
  /** Why API servers don't ask about every Pod yet, as this release has it; empty: they do. */
  readonly notInForce: () => readonly string[];
  /** Left out: none are served. */
  readonly metrics?: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface Probes {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * `/healthz`, `/readyz` and `/armed` (with the reasons, one a line) and, where there are some, `/metrics`; plain HTTP. Rejects if it
 * cannot listen.
 */
export function startProbes(options: ProbesOptions): Promise<Probes> {
  const { listen, connections, log, metrics } = options;
  const asked = { ...options, ...(metrics && { metrics: sparingly(metrics) }) };
  return startOneRequestServer({ listen, connections, log, answer: (method, path) => answer(asked, method, path) });
}

/** What holds where there are none, by path. */
const REASONS = new Map([
  ['/readyz', ({ notReady }: ProbesOptions) => notReady()],
  ['/armed', ({ notInForce }: ProbesOptions) => notInForce()],
]);

const ALIVE: ReadonlySet<string> = new Set(['/healthz', '/livez']);

async function answer(options: ProbesOptions, method: string, path: string): Promise<PlainAnswer> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET' };
  if (ALIVE.has(path)) return { status: 200, text: 'ok' };
  const reasons = REASONS.get(path)?.(options);
  if (reasons !== undefined) return ofReasons(reasons);
  const { metrics } = options;
  if (path !== '/metrics' || !metrics) return { status: 404, text: 'not found' };
  return { status: 200, ...(await metrics()) };
}

function ofReasons(reasons: readonly string[]): PlainAnswer {
  return reasons.length === 0 ? { status: 200, text: 'ok' } : { status: 503, text: reasons.join('\n') };
}
