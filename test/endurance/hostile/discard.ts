// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Targets } from './party.ts';

/** Origins of a server that reads whatever comes, and does nothing with it. */
interface Origins {
  readonly encrypted: string;
  readonly plain: string;
}

/** As many targets as those given, all of them one server that reads and discards. */
export async function startDiscard({ webhooks, probes }: Targets): Promise<{
  readonly targets: Targets;
  close(this: void): Promise<void>;
}> {
  const worker = new Worker(new URL('discard-worker.ts', import.meta.url));
  const [origins]: Origins[] = await once(worker, 'message');
  const { encrypted = '', plain = '' } = origins ?? {};
  return {
    targets: {
      webhooks: webhooks.map(() => encrypted),
      probes: probes.map(() => plain),
      path: '/mutate',
      api: encrypted,
      token: '',
    },
    close: async () => void (await worker.terminate()),
  };
}
