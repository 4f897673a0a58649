// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Targets } from './party.ts';

/** By party, how often what happened; those whose doings are discarded are left out. */
export type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Who they are, by the names that the threat model gives them. */
export const PARTIES = [
  'policy writer',
  'user: reviews',
  'user: Secrets',
  'image author and registry',
  'stranger',
] as const;
export type PartyName = (typeof PARTIES)[number];

/** Where each sends what it sends: all of them are at work, but what the others send is discarded. */
export interface Aim {
  readonly hostile: readonly PartyName[];
  readonly targets: Targets;
  readonly discarding: Targets;
}

/** What the thread is told, and what it says to each. */
export type Order = { readonly start: Aim } | 'stop';
export type Report = { readonly registry: string } | { readonly counts: Counts };

/** Hostile parties in a thread of their own, so that what they generate is not time of the honest caller's. */
export interface Neighbours {
  /** `host:port` of a registry in their hands. */
  readonly registry: string;
  /** They do their worst while the work lasts. */
  during<T>(this: void, aim: Aim, work: () => Promise<T>): Promise<{ readonly result: T; readonly counts: Counts }>;
  close(this: void): Promise<void>;
}

export async function startNeighbours(): Promise<Neighbours> {
  const worker = new Worker(new URL('neighbours-worker.ts', import.meta.url));
  const tell = (order: Order) => worker.postMessage(order);
  const report = async (): Promise<Partial<{ registry: string; counts: Counts }>> => {
    const [said]: Report[] = await once(worker, 'message');
    return said ?? {};
  };
  const { registry = '' } = await report();

  async function stop(): Promise<Counts> {
    const stopped = report();
    tell('stop');
    return (await stopped).counts ?? {};
  }
  return {
    registry,
    async during(aim, work) {
      tell({ start: aim });
      // Whatever becomes of the work, nobody goes on.
      const result = await work().catch(async (error: unknown) => {
        await stop();
        throw error;
      });
      return { result, counts: await stop() };
    },
    close: async () => void (await worker.terminate()),
  };
}
