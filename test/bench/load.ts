// SPDX-License-Identifier: Apache-2.0
// Reviews over HTTPS keep-alive, 16 in flight: Cosignet warm and cold beside a bare HTTPS server of the same Node,
// in turns within one run, so that the ratios hold on a noisy machine.
import { Agent } from 'node:https';
import path from 'node:path';
import { reportGoals } from './goals.ts';
import { startMeasured } from './measured-process.ts';
import type { MeasuredProcess } from './measured-process.ts';
import { postAllowed } from './reviews.ts';
import { openServing } from './serving.ts';
import { printTable } from './table.ts';

const IN_FLIGHT = 16;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const REVIEWS_PER_ROUND = Number(process.env['BENCH_REVIEWS'] ?? 4000);
const COLD_PER_ROUND = REVIEWS_PER_ROUND / 4;

interface Sample {
  readonly reviewsPerSecond: number;
  readonly cpuMilliseconds: number;
}

const serving = await openServing();
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, ca: serving.ca });
const program = (name: string) => path.join(import.meta.dirname, `${name}.ts`);

const bare = await startMeasured([program('bare-server'), serving.certificateFile, serving.keyFile], /serving (\S+)/);
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const format of ['simple-signing', 'bundle'] as const) {
  results.push(await measure(format));
}
await bare.stop();
agent.destroy();
await serving.close();

printTable(
  [
    'format',
    'warm/bare reviews/s',
    'warm/bare CPU',
    'warm CPU ms',
    'cold CPU ms',
    'bare CPU ms',
    'warm reviews/s',
    'RSS MiB',
    'RSS bare',
    'start ms',
  ],
  results.map((row) => Object.values(row)),
);
const goals = results.flatMap(({ format, cpuRatio, residentMebibytes }) => [
  { what: `warm review, CPU, beside a bare server, ${format}`, measured: cpuRatio, goal: 1.3, unit: 'x' },
  { what: `resident under load, ${format}`, measured: residentMebibytes, goal: 110, unit: 'MiB' },
]);
reportGoals('load', goals, { results });

async function measure(format: 'simple-signing' | 'bundle') {
  const images = COLD_PER_ROUND * ROUNDS + 1;
  const registry = await startMeasured([program('image-registry'), format, String(images)], /serving (\S+) (\S+)/);
  const [, host = '', key = ''] = registry.match;
  const cosignet = await startCosignet(host, Buffer.from(key, 'base64').toString());
  const url = `${cosignet.match[1]}/mutate?timeout=10s`;
  let next = 0;
  const coldImage = () => `${host}/bench/app:${(next += 1)}`;
  const warmImage = () => `${host}/bench/app:0`;
  await load(url, warmImage, REVIEWS_PER_ROUND, cosignet); // the compiler warms up
  await load(bareUrl(), warmImage, REVIEWS_PER_ROUND, bare);

  const samples: { warm: Sample; cold: Sample; bare: Sample }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    samples.push({
      bare: await load(bareUrl(), warmImage, REVIEWS_PER_ROUND, bare),
      warm: await load(url, warmImage, REVIEWS_PER_ROUND, cosignet),
      cold: await load(url, coldImage, COLD_PER_ROUND, cosignet),
    });
  }
  const row = {
    format,
    speedRatio: median(samples.map((s) => s.warm.reviewsPerSecond / s.bare.reviewsPerSecond)),
    cpuRatio: median(samples.map((s) => s.warm.cpuMilliseconds / s.bare.cpuMilliseconds)),
    warmCpu: median(samples.map((s) => s.warm.cpuMilliseconds)),
    coldCpu: median(samples.map((s) => s.cold.cpuMilliseconds)),
    bareCpu: median(samples.map((s) => s.bare.cpuMilliseconds)),
    warmPerSecond: Math.round(median(samples.map((s) => s.warm.reviewsPerSecond))),
    residentMebibytes: cosignet.residentMebibytes(),
    bareResidentMebibytes: bare.residentMebibytes(),
    startMilliseconds: Math.round(cosignet.startMilliseconds),
  };
  await cosignet.stop();
  await registry.stop();
  return row;
}

async function startCosignet(host: string, pem: string): Promise<MeasuredProcess> {
  await serving.writePolicy({ images: [`${host}/bench/*`], keys: [{ pem }] });
  // No tag goes stale within a run: what is measured is the warm path, not the clock.
  return serving.start({ registries: [{ host, insecure: true }], cache: { tags: 3600 } });
}

function bareUrl(): string {
  return bare.match[1] ?? '';
}

/** Posts `count` reviews with IN_FLIGHT under way. */
async function load(url: string, image: () => string, count: number, server: MeasuredProcess): Promise<Sample> {
  const cpu = server.cpuMilliseconds();
  const began = performance.now();
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      await postAllowed(url, image(), agent);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  const seconds = (performance.now() - began) / 1000;
  return { reviewsPerSecond: count / seconds, cpuMilliseconds: (server.cpuMilliseconds() - cpu) / count };
}

function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  return Number((ordered[Math.floor(ordered.length / 2)] ?? NaN).toFixed(3));
}
