// SPDX-License-Identifier: Apache-2.0
// Cold decisions against a registry with a fixed delay, in units of that delay; and Pods of many images, whose
// decisions run side by side. Prints a table and a line of JSON; ends with 1 where a goal is missed.
import { RegistryContent } from '../fakes/registry-content.ts';
import { startFakeRegistry } from '../fakes/registry.ts';
import { createBenchEngine } from './bench-engine.ts';
import { reportGoals } from './goals.ts';
import type { Goal } from './goals.ts';
import { createSigner, putImage, signBundle, signSimple } from './signed-images.ts';

const DELAY_MILLISECONDS = 20;
const ROUNDS = 15;
const IMAGES_OF_A_POD = 8;
/** Registry and engine share this process and two cores: what their own work may add to the trips. */
const TOLERANCE = 1.35;
const POD_TOLERANCE = 1.75;

const goals: Goal[] = [];
for (const format of ['simple-signing', 'bundle'] as const) {
  const goal = format === 'bundle' ? 4 : 2;
  const scene = await openScene(format);
  await scene.decide(0); // the format, the registry's ways and a connection are known from here on
  goals.push({
    what: `${format}, by tag`,
    measured: await medianTrips(ROUNDS, () => scene.decide(scene.next())),
    goal,
    tolerance: TOLERANCE,
    unit: 'trips',
  });
  await Promise.all(Array.from({ length: IMAGES_OF_A_POD }, () => scene.decide(scene.next())));
  const pod = () => Promise.all(Array.from({ length: IMAGES_OF_A_POD }, () => scene.decide(scene.next())));
  goals.push({
    what: `${format}, by tag, ${IMAGES_OF_A_POD} images at once`,
    measured: await medianTrips(5, pod),
    goal,
    tolerance: POD_TOLERANCE,
    unit: 'trips',
  });
  await scene.close();
}
reportGoals('latency', goals, { delayMilliseconds: DELAY_MILLISECONDS });

async function medianTrips(rounds: number, work: () => Promise<unknown>): Promise<number> {
  const trips: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now();
    await work();
    trips.push((performance.now() - began) / DELAY_MILLISECONDS);
  }
  return Number((trips.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? NaN).toFixed(2));
}

async function openScene(format: 'simple-signing' | 'bundle') {
  const content = new RegistryContent();
  const server = await startFakeRegistry({ content, delayMilliseconds: DELAY_MILLISECONDS });
  const signer = createSigner();
  const place = { content, host: server.host, repository: 'bench/app' };
  const count = 1 + ROUNDS + 6 * IMAGES_OF_A_POD;
  for (let index = 0; index < count; index += 1) {
    const digest = putImage(content, place.repository, `${index}`);
    if (format === 'bundle') signBundle(place, digest, signer);
    else signSimple(place, digest, signer);
  }
  const engine = createBenchEngine({ host: server.host, policies: [{ keys: [{ pem: signer.publicPem }] }] });
  let used = 0;
  return {
    next: () => (used += 1),
    decide: (index: number) => engine.verify(`${server.host}/bench/app:${index}`),
    close: async () => {
      await engine.close();
      await server.close();
    },
  };
}
