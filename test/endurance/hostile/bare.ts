// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Pool } from 'undici';
import { IDLE, type Caller } from '../caller.ts';

/**
 * Calls as an API server does, but a webhook that decides nothing: what the machine alone makes callers wait. The blind one
 * answers without a look; the asking one asks the registry once about each image, as any that verifies must.
 */
export type BareCaller = Pick<Caller, 'call' | 'close'>;

export async function startBare(kind: 'blind' | 'asking'): Promise<BareCaller> {
  const worker = new Worker(new URL('bare-worker.ts', import.meta.url), { workerData: kind });
  const [origin = '']: string[] = await once(worker, 'message');
  const pool = new Pool(origin, { connections: 16, keepAliveTimeout: IDLE, connect: { rejectUnauthorized: false } });
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
