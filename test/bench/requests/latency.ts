// SPDX-License-Identifier: Apache-2.0
// Cold decisions against a registry with a fixed delay: the round trips that they wait for one after the other, counted,
// and the time that they take in units of that delay; and Pods of many images, whose decisions run side by side. Prints a
// table and a line of JSON; ends with 1 where a goal is missed.
import { RegistryContent } from '../../fakes/registry/registry-content.ts';
import { startFakeRegistry } from '../../fakes/registry/registry.ts';
import { createBenchEngine } from './bench-engine.ts';
import { reportGoals } from '../goals.ts';
import type { Goal } from '../goals.ts';
import { createSigner, putImage, signBundle, signSimple } from '../load/signed-images.ts';

const DELAY_MILLISECONDS = 20;
/** Longer than what the processors take for eight images, so that requests of one trip are told from those of the next. */
const COUNTING_DELAY = 150;
const ROUNDS = 15;
const IMAGES_OF_A_POD = 8;
/** Registry and engine share this process and two cores: what their own work may add to the trips. */
const TOLERANCE = 1.35;
const POD_TOLERANCE = 1.75;
/** By tag; by digest it is one fewer. */
const TRIPS = { 'simple-signing': 2, bundle: 4 } as const;

const goals: Goal[] = [];
for (const format of ['simple-signing', 'bundle'] as const) {
  const scene = await openScene(format);
  const goal = TRIPS[format];
  const add = (what: string, measured: number, more: Pick<Goal, 'goal' | 'unit' | 'tolerance'>) =>
    goals.push({ what: `${format}, ${what}`, measured, ...more });
  add('by tag, first of its registry', await scene.medianTrips(5, scene.decideAnew), { goal, unit: 'trips' });
  await scene.decide(1); // the format, the registry's ways and a connection are known from here on
  add('by tag', await scene.medianTrips(5, () => scene.decide(1)), { goal, unit: 'trips' });
  const byDigest = await scene.medianTrips(5, () => scene.decide(1, 'digest'));
  add('by digest', byDigest, { goal: goal - 1, unit: 'trips' });
  const many = await scene.medianTrips(5, () => scene.decide(IMAGES_OF_A_POD));
  add(`by tag, ${IMAGES_OF_A_POD} images at once`, many, { goal, unit: 'trips' });
  const time = await medianDelays(ROUNDS, () => scene.decide(1));
  add('by tag, time', time, { goal, tolerance: TOLERANCE, unit: 'delays' });
  const timeOfMany = await medianDelays(5, () => scene.decide(IMAGES_OF_A_POD));
  add(`by tag, ${IMAGES_OF_A_POD} images at once, time`, timeOfMany, {
    goal,
    tolerance: POD_TOLERANCE,
    unit: 'delays',
  });
  await scene.close();
}
reportGoals('latency', goals, { delayMilliseconds: DELAY_MILLISECONDS });

async function medianDelays(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await work();
    times.push((performance.now() - began) / DELAY_MILLISECONDS);
  }
  return Number(median(times).toFixed(2));
}

async function openScene(format: 'simple-signing' | 'bundle') {
  const content = new RegistryContent();
  let answeredAt: number[] = [];
  const server = await startFakeRegistry({
    content,
    delayMilliseconds: DELAY_MILLISECONDS,
    referrersApi: true,
    // Called when the delay is over, and leaves the answer to the registry.
    intercept: () => {
      answeredAt.push(performance.now());
      return false;
    },
  });
  const signer = createSigner();
  const place = { content, host: server.host, repository: 'bench/app' };
  const count = 10 + 2 * ROUNDS + 11 * IMAGES_OF_A_POD + 10;
  const digests: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const digest = putImage(content, place.repository, `${index}`);
    if (format === 'bundle') signBundle(place, digest, signer);
    else signSimple(place, digest, signer);
    digests.push(digest);
  }
  const open = () => createBenchEngine({ host: server.host, policies: [{ keys: [{ pem: signer.publicPem }] }] });
  const engine = open();
  let used = 0;
  const next = (by: 'tag' | 'digest') => {
    const index = (used += 1);
    return `${server.host}/bench/app${by === 'tag' ? `:${index}` : `@${digests[index]}`}`;
  };
  return {
    /** New images, side by side. */
    decide: (images: number, by: 'tag' | 'digest' = 'tag') =>
      Promise.all(Array.from({ length: images }, () => engine.verify(next(by)))),
    /** A new image, of which and of whose registry nothing is known. */
    decideAnew: async () => {
      const fresh = open();
      await fresh.verify(next('tag'));
      await fresh.close();
    },
    async medianTrips(rounds: number, work: () => Promise<unknown>): Promise<number> {
      const trips: number[] = [];
      server.behaviour.delayMilliseconds = COUNTING_DELAY;
      for (let round = 0; round < rounds; round += 1) {
        answeredAt = [];
        await work();
        trips.push(tripsOf(answeredAt));
      }
      server.behaviour.delayMilliseconds = DELAY_MILLISECONDS;
      return median(trips);
    },
    close: async () => {
      await engine.close();
      await server.close();
    },
  };
}

/** How many requests can have waited for one another: what is answered a whole delay later may have been asked after it. */
function tripsOf(answeredAt: readonly number[]): number {
  let trips = 0;
  let last = -Infinity;
  for (const at of answeredAt.toSorted((a, b) => a - b)) {
    // A timer may be early by a fraction of its unit.
    if (at - last < COUNTING_DELAY - 1) continue;
    trips += 1;
    last = at;
  }
  return trips;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
