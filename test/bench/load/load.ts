// SPDX-License-Identifier: Apache-2.0
// Reviews over HTTPS keep-alive, 16 in flight: Cosignet warm and cold beside a bare HTTPS server of the same Node, an
// earlier Cosignet and such peers as are given, in turns within one run, so that the ratios hold on a noisy machine. Beside
// them the floors: what a warm review costs with less and less behind it, and what the requests, hashes and the signature
// of a cold one cost alone.
import { Agent } from 'node:https';
import path from 'node:path';
import { buildEarlier } from './earlier.ts';
import { reportGoals } from '../goals.ts';
import type { Goal } from '../goals.ts';
import { startMeasured } from './measured-process.ts';
import type { MeasuredProcess } from './measured-process.ts';
import { postAllowed } from './reviews.ts';
import { startPeer } from './peers.ts';
import type { Peer } from './peers.ts';
import { openServing } from './serving.ts';
import { printTable } from '../table.ts';

const IN_FLIGHT = 16;
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5);
const REVIEWS_PER_ROUND = Number(process.env['BENCH_REVIEWS'] ?? 4000);
const COLD_PER_ROUND = REVIEWS_PER_ROUND / 4;
/**
 * Rounds before the first that counts, of warm and of cold reviews: a webhook runs for weeks, and its compiler is busy with
 * the first ten thousand reviews.
 */
const WARM_UPS = 5;
const NAMES: readonly Peer[] = ['Connaisseur', 'policy-controller', 'Kyverno'];

interface Sample {
  readonly reviewsPerSecond: number;
  readonly cpuMilliseconds: number;
}

/** What was not asked of a contender is not there. */
interface Round {
  readonly warm?: Sample;
  readonly cold?: Sample;
}

const serving = await openServing();
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT, ca: serving.ca });
const program = (name: string) => path.join(import.meta.dirname, `${name}.ts`);

const bare = await startMeasured([program('bare-server'), serving.certificateFile, serving.keyFile], /serving (\S+)/);
const earlier = await buildEarlier();
const simple = await measure('simple-signing');
const bundle = await measure('bundle');
await bare.stop();
await earlier?.remove();
agent.destroy();
await serving.close();

const results = [simple, bundle];
printTable(
  ['format', 'server', 'warm/bare CPU', 'warm CPU ms', 'cold CPU ms', 'warm reviews/s', 'RSS MiB', 'start ms'],
  results.flatMap(({ format, rows }) =>
    rows.map(({ server, ...row }) => [
      format,
      server,
      row.warmBesideBare ?? '',
      row.warmCpu ?? '',
      row.coldCpu ?? '',
      row.warmPerSecond ?? '',
      row.residentMebibytes,
      row.startMilliseconds,
    ]),
  ),
);
console.log(`a bare server: ${simple.bareCpu} ms, ${simple.bareResidentMebibytes} MiB`);
reportGoals('load', goalsOf(), {
  results: results.map(({ format, rows, bareCpu, bareResidentMebibytes }) => ({
    format,
    rows,
    bareCpu,
    bareResidentMebibytes,
  })),
});

function goalsOf(): readonly Goal[] {
  const own = results.flatMap(({ format, ours }): Goal[] => [
    { what: `warm review, CPU, beside a bare server, ${format}`, measured: ours.warmBesideBare, goal: 1.4, unit: 'x' },
    { what: `resident after 25,000 reviews, ${format}`, measured: ours.residentMebibytes, goal: 120, unit: 'MiB' },
  ]);
  const besidePeers = NAMES.flatMap((peer): Goal[] => [
    { what: `cold review, CPU, beside ${peer}`, measured: simple.coldBeside(peer), goal: 0.35, unit: 'x' },
    { what: `time of a warm review beside ${peer}`, measured: simple.warmTimeBeside(peer), goal: 0.5, unit: 'x' },
  ]);
  return [
    ...own,
    {
      what: 'cold review, CPU, bundle beside .sig',
      measured: (bundle.ours.coldCpu ?? NaN) / (simple.ours.coldCpu ?? NaN),
      goal: 1.6,
      unit: 'x',
    },
    { what: 'cold review, CPU, beside 6e34fa3', measured: simple.coldBeside('6e34fa3'), goal: 0.5, unit: 'x' },
    ...besidePeers,
  ];
}

/** One that answers reviews, and where. */
interface Contender {
  readonly name: string;
  readonly process: MeasuredProcess;
  readonly url: string;
  /** Left out: both. */
  readonly only?: 'warm' | 'cold';
}

async function measure(format: 'simple-signing' | 'bundle') {
  const images = COLD_PER_ROUND * (ROUNDS + WARM_UPS) + 1;
  const registry = await startMeasured([program('image-registry'), format, String(images)], /serving (\S+) (\S+)/);
  const [, host = '', key = ''] = registry.match;
  const contenders = await startContenders(format, host, key);
  const warmImage = () => `${host}/bench/app:0`;
  /** Each contender is asked about the same images, none of which it has seen. */
  const coldImages = new Map(contenders.map(({ name }) => [name, newImages(host)]));
  const coldImage = (name: string) => coldImages.get(name) ?? warmImage;
  for (const { name, url, process: server, only } of contenders) {
    if (only !== 'cold') await load(url, warmImage, WARM_UPS * REVIEWS_PER_ROUND, server);
    if (only !== 'warm') await load(url, coldImage(name), WARM_UPS * COLD_PER_ROUND, server);
  }
  await load(bareUrl(), warmImage, WARM_UPS * REVIEWS_PER_ROUND, bare);
  // With 5,000 images that are remembered: what follows is to tell processor time, and adds as many.
  const resident = contenders.map(({ process: server }) => server.residentMebibytes());

  const bares: Sample[] = [];
  const samples = contenders.map((): Round[] => []);
  for (let round = 0; round < ROUNDS; round += 1) {
    bares.push(await load(bareUrl(), warmImage, REVIEWS_PER_ROUND, bare));
    for (const [index, { name, url, process: server, only }] of contenders.entries()) {
      const warm = only !== 'cold' && { warm: await load(url, warmImage, REVIEWS_PER_ROUND, server) };
      const cold = only !== 'warm' && { cold: await load(url, coldImage(name), COLD_PER_ROUND, server) };
      samples[index]?.push({ ...warm, ...cold });
    }
  }
  const rows = contenders.map(({ name, process: server }, index) => {
    const own = samples[index] ?? [];
    return {
      server: name,
      warmBesideBare: median(
        own.map(({ warm }, round) => warm && warm.cpuMilliseconds / (bares[round]?.cpuMilliseconds ?? NaN)),
      ),
      warmCpu: median(own.map(({ warm }) => warm?.cpuMilliseconds)),
      coldCpu: median(own.map(({ cold }) => cold?.cpuMilliseconds)),
      warmPerSecond: median(own.map(({ warm }) => warm && Math.round(warm.reviewsPerSecond))),
      residentMebibytes: resident[index] ?? NaN,
      startMilliseconds: Math.round(server.startMilliseconds),
    };
  });
  for (const { process: server } of contenders) await server.stop();
  await registry.stop();
  const [ours] = rows;
  if (ours === undefined) throw new Error('nothing was measured');
  /** Of pairs within a round. */
  const beside = (name: string, of: (sample: Round) => number | undefined): number | undefined => {
    const other = samples[contenders.findIndex((contender) => contender.name === name)];
    return other && median((samples[0] ?? []).map((own, round) => (of(own) ?? NaN) / (of(other[round] ?? {}) ?? NaN)));
  };
  return {
    format,
    rows,
    ours,
    bareCpu: median(bares.map((sample) => sample.cpuMilliseconds)),
    bareResidentMebibytes: bare.residentMebibytes(),
    coldBeside: (name: string) => beside(name, ({ cold }) => cold?.cpuMilliseconds),
    warmTimeBeside: (name: string) => beside(name, ({ warm }) => warm && 1 / warm.reviewsPerSecond),
  };
}

/** Ours first. Peers verify by key what is signed in the first format. `key`: PEM as Base64. */
async function startContenders(format: string, host: string, key: string): Promise<readonly Contender[]> {
  const pem = Buffer.from(key, 'base64').toString();
  await serving.writePolicy({ images: [`${host}/bench/*`], keys: [{ pem }] });
  // No tag goes stale within a run: what is measured is the warm path, not the clock.
  const configuration = { registries: [{ host, insecure: true }], cache: { tags: 3600 } };
  const cosignet = async (name: string, file?: string): Promise<Contender> => {
    const started = await serving.start(configuration, file);
    return { name, process: started, url: `${started.match[1]}/mutate?timeout=10s` };
  };
  const contenders = [await cosignet('cosignet')];
  if (earlier) contenders.push(await cosignet('6e34fa3', earlier.program));
  if (format !== 'simple-signing') return contenders;
  const { certificateFile, keyFile } = serving;
  const floor = async (only: 'warm' | 'cold', name: string, ...command: readonly string[]): Promise<void> => {
    const started = await startMeasured(command, /serving (\S+)/);
    contenders.push({ name, process: started, url: started.match[1] ?? '', only });
  };
  for (const step of ['http', 'review']) {
    await floor('warm', `floor: ${step}`, program('warm-step-server'), step, certificateFile, keyFile);
  }
  await floor('cold', 'floor: requests', program('cold-floor-server'), certificateFile, keyFile, host, key);
  for (const name of NAMES) {
    const started = await startPeer(name, { host, keyPem: pem, certificateFile, keyFile });
    if (started) contenders.push({ name, process: started, url: started.match[1] ?? '' });
  }
  return contenders;
}

/** Another one at each call; 0 is the warm one. */
function newImages(host: string): () => string {
  let next = 0;
  return () => `${host}/bench/app:${(next += 1)}`;
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

/** Of what is there; undefined: nothing is. */
function median(values: readonly (number | undefined)[]): number | undefined {
  const ordered = values.filter((value) => value !== undefined).toSorted((a, b) => a - b);
  const middle = ordered[Math.floor(ordered.length / 2)];
  return middle && Number(middle.toFixed(3));
}
