// SPDX-License-Identifier: Apache-2.0
// Hours of mixed reviews at a constant rate on two replicas: is memory flat? SOAK_MINUTES (60), SOAK_RATE (200 reviews
// a second). Prints a table and a line of JSON; ends with 1 where something grows, or was answered wrongly.
import { Agent } from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startMeasured } from './measured-process.ts';
import { post, reviewOf } from './reviews.ts';
import { createSampler, growthOf } from './soak-samples.ts';
import { openServing } from './serving.ts';
import { printTable } from '../table.ts';

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 60);
const RATE = Number(process.env['SOAK_RATE'] ?? 200);
const REPLICAS = 2;
const IMAGES = 2000;
const TICK_MILLISECONDS = 50;
const SAMPLE_MILLISECONDS = 5000;
const EDIT_MILLISECONDS = 10_000;
/** Caches fill and the compiler settles; no more than twenty minutes, no more than half of the time. */
const WARM_UP_MINUTES = Math.min(20, MINUTES / 2);
const ALLOWED = /^200 .*"allowed":true/s;
const DENIED = /^200 .*"allowed":false/s;

const registries = await Promise.all(
  ['simple-signing', 'bundle'].map((format) =>
    startMeasured([path.join(import.meta.dirname, 'image-registry.ts'), format, String(IMAGES)], /serving (\S+) (\S+)/),
  ),
);
const hosts = registries.map(({ match }) => match[1] ?? '');
const keys = registries.map(({ match }) => ({ pem: Buffer.from(match[2] ?? '', 'base64').toString() }));
const serving = await openServing();
const policy = (edit: number) => ({
  images: [...hosts.map((host) => `${host}/bench/*`), `edit-${edit}.example.com/*`],
  keys,
});
await serving.writePolicy(policy(0));
const replicas = await Promise.all(
  Array.from({ length: REPLICAS }, () =>
    serving.start({
      registries: hosts.map((host) => ({ host, insecure: true })),
      // Short lives, so that proofs are made and dropped all the time; and their number stays the same.
      cache: { tags: 5, verified: 60, rejected: 5, staleIfError: 60 },
    }),
  ),
);
const keptAlive = new Agent({ keepAlive: true, maxSockets: 64, ca: serving.ca });
const fresh = new Agent({ keepAlive: false, ca: serving.ca });

const wrong = new Map<string, number>();
let sent = 0;
const until = Date.now() + MINUTES * 60_000;
const samplers = replicas.map((replica) => createSampler(replica));
await Promise.all([offerLoad(), editPolicies(), ...samplers.map((sampler) => takeSamples(sampler))]);

const results = samplers.map(({ samples }, index) => ({
  replica: index,
  growth: growthOf(samples, WARM_UP_MINUTES * 60_000),
}));
printTable(
  ['replica', 'measure', 'first', 'last', 'most', 'growth', 'allowed'],
  results.flatMap(({ replica, growth: { measures } }) =>
    measures.map(({ name, first, last, most, growth, allowed }) => [
      replica,
      name,
      first,
      last,
      most,
      growth,
      allowed ?? '',
    ]),
  ),
);
const summary = { minutes: MINUTES, warmUpMinutes: WARM_UP_MINUTES, rate: RATE, reviews: sent };
console.log(JSON.stringify({ benchmark: 'soak', ...summary, wrong: Object.fromEntries(wrong), results }));
for (const [what, count] of wrong) console.log(`${count} times: ${what}`);
const flat = results.every(({ growth: { measures } }) =>
  measures.every(({ growth, allowed }) => growth <= (allowed ?? Infinity)),
);
process.exitCode = flat && wrong.size === 0 ? 0 : 1;

keptAlive.destroy();
for (const one of [...replicas, ...registries]) await one.stop();
await serving.close();

/** In small portions: a constant rate, whatever the answers take. */
async function offerLoad(): Promise<void> {
  const portion = (RATE * TICK_MILLISECONDS) / 1000;
  const underWay = new Set<Promise<void>>();
  for (let due = 0; Date.now() < until;) {
    due += portion;
    // Where the machine can't keep up there is no use in piling up.
    for (; due >= 1; due -= 1) {
      if (underWay.size >= 500) continue;
      const one = sendOne((sent += 1)).finally(() => underWay.delete(one));
      underWay.add(one);
    }
    await sleep(TICK_MILLISECONDS);
  }
  await Promise.all(underWay);
}

/** The kinds of reviews come in a fixed order, a hundred of them a turn. */
async function sendOne(number: number): Promise<void> {
  const turn = number % 100;
  const url = `${replicas[(number + Math.floor(number / 100)) % REPLICAS]?.match[1]}/mutate?timeout=10s`;
  const [body, expected] = exchangeOf(number, turn);
  const answer = await post(url, body, turn % 25 === 0 ? fresh : keptAlive).catch((error: unknown) => ({
    status: 0,
    text: String(error),
  }));
  if (!expected.test(`${answer.status} ${answer.text}`)) {
    const what = `${answer.status} ${answer.text}`.replaceAll(/[0-9a-f-]{36}|:\d+/g, '…').slice(0, 200);
    wrong.set(what, (wrong.get(what) ?? 0) + 1);
  }
}

function exchangeOf(number: number, turn: number): readonly [body: string, expected: RegExp] {
  const image = (offset = 0) =>
    `${hosts[(Math.floor(number / 4) + offset) % hosts.length]}/bench/app:${(number * 7919 + offset) % IMAGES}`;
  if (turn < 90) return [reviewOf([image()]), ALLOWED];
  if (turn < 92) return [reviewOf(Array.from({ length: 8 }, (_, offset) => image(offset))), ALLOWED];
  if (turn < 95) return [reviewOf([`${hosts[0]}/bench/app:unsigned`]), DENIED];
  if (turn < 97) return [reviewOf([`${hosts[0]}/bench/app:gone-${number % 50}`]), DENIED];
  if (turn < 99) return [reviewOf([`elsewhere.example.com/app:${number % 50}`]), DENIED];
  return [reviewOf([image()]).slice(0, -20), /^400 /];
}

async function editPolicies(): Promise<void> {
  for (let edit = 1; Date.now() < until; edit += 1) {
    await serving.writePolicy(policy(edit % 10));
    await sleep(EDIT_MILLISECONDS);
  }
}

async function takeSamples(sampler: { readonly take: () => Promise<void> }): Promise<void> {
  while (Date.now() < until) {
    await sampler.take();
    await sleep(SAMPLE_MILLISECONDS);
  }
}
