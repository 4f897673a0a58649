// SPDX-License-Identifier: Apache-2.0
// All hostile parties at once, in a thread of their own; see neighbours.ts.
import { parentPort } from 'node:worker_threads';
import { Agent } from 'undici';
import { listen } from '../../fakes/registry/registry.ts';
import { strangersWhoHold } from './connections.ts';
import { hostileRegistry, imagesOfHostileAuthors } from './images.ts';
import { PARTIES, type Aim, type Counts, type Order, type PartyName, type Report } from './neighbours.ts';
import type { Party } from './party.ts';
import { policiesOfHostileTeam } from './policies.ts';
import { reviewsOfMillions } from './reviews.ts';
import { podsThatNameSecrets } from './secrets.ts';

const DOINGS: Readonly<Record<PartyName, Party>> = {
  'policy writer': policiesOfHostileTeam,
  'user: reviews': reviewsOfMillions,
  'user: Secrets': podsThatNameSecrets,
  'image author and registry': imagesOfHostileAuthors,
  stranger: strangersWhoHold,
};
const registry = `127.0.0.1:${await listen(hostileRegistry())}`;
let stopping = new AbortController();
let running: Promise<Counts> = Promise.resolve({});

parentPort?.on('message', (order: Order) => {
  if (order === 'stop') {
    stopping.abort();
    void running.then((counts) => say({ counts }));
    return;
  }
  stopping = new AbortController();
  running = runAll(order.start, stopping.signal);
});
say({ registry });

function say(report: Report): void {
  parentPort?.postMessage(report);
}

async function runAll({ hostile, targets, discarding }: Aim, signal: AbortSignal): Promise<Counts> {
  // Whoever is hostile trusts anybody.
  const dispatcher = new Agent({ connections: 64, connect: { rejectUnauthorized: false }, headersTimeout: 15_000 });
  const counts: Record<string, Record<string, number>> = {};
  await Promise.all(
    PARTIES.map(async (name) => {
      const isHostile = hostile.includes(name);
      const own: Record<string, number> = {};
      if (isHostile) counts[name] = own;
      const count = (what: string) => void (own[what] = (own[what] ?? 0) + 1);
      await DOINGS[name]({ targets: isHostile ? targets : discarding, dispatcher, registry, signal, count });
    }),
  );
  await dispatcher.destroy();
  return counts;
}
