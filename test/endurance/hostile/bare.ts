// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import type { Caller } from '../caller.ts';

/** Calls as an API server does, but a server that answers without looking: what the machine alone makes callers wait. */
export type BareCaller = Pick<Caller, 'call' | 'close'>;

export async function startBare(): Promise<BareCaller> {
  const worker = new Worker(new URL('bare-worker.ts', import.meta.url));
  const [origin = '']: string[] = await once(worker, 'message');
  const pool = new Pool(origin, { connections: 16, connect: { rejectUnauthorized: false } });
  return {
    async call(endpoint, body) {
      const headers = { 'content-type': 'application/json' };
      const { statusCode, body: answer } = await pool.request({ method: 'POST', path: `/${endpoint}`, headers, body });
      return { kind: 'answered', status: statusCode, text: await answer.text() };
    },
    async close() {
      await pool.destroy();
      await worker.terminate();
    },
  };
}
