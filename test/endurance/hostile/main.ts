// SPDX-License-Identifier: Apache-2.0
// The second half of `make endurance`: honest reviews beside neighbours who spend what is others'. Each goal is a row;
// ends with 1 where one is missed. HOSTILE_PHASES: only those, with commas between: `nobody,stranger`.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { reportGoals, type Goal } from '../../bench/goals.ts';
import { printTable } from '../../bench/table.ts';
import { install, openInstallation } from '../../e2e/workbench/installation.ts';
import { percentile, type LoadReport, type Tally } from '../load.ts';
import { boundMemory } from '../../control-plane/memory-bound.ts';
import { startNeighbours, type Counts } from './neighbours.ts';
import { standFirm, type HostileReport, type PhaseReport } from './run.ts';

const SECONDS = Number(process.env['HOSTILE_SECONDS'] ?? 420);
const RATE = Number(process.env['HOSTILE_RATE'] ?? 40);
const ROUNDS = 3;
const PHASES = (process.env['HOSTILE_PHASES'] ?? '').split(',').filter((name) => name !== '');
/** MiB; the chart's limit. */
const LIMIT = 512;

const FIELDS = ['asked', 'right', 'changing', 'wrong', 'lost'] as const;

const began = Date.now();
const log = (line: string) => console.log(`${((Date.now() - began) / 1000).toFixed(1)} s  ${line}`);
const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-'));
const memory = boundMemory(dir);
const neighbours = await startNeighbours();
const here = await openInstallation(dir, { node: memory.node });
try {
  await install(here, ...values(neighbours.registry));
  log(`asking ${RATE} times a second, ${SECONDS} s in all`);
  print(
    await standFirm(here, { seconds: SECONDS, rounds: ROUNDS, phases: PHASES, rate: RATE, neighbours, memory, log }),
  );
} finally {
  await here.close();
  await neighbours.close();
  memory.close();
}

/** What was read of a registry is read again soon, so that honest reviews depend on more than memory. */
function values(registry: string): readonly string[] {
  return [
    `--set=config.registries[1].host=${registry}`,
    '--set=config.registries[1].insecure=true',
    '--set=config.cache.verified=5',
    '--set=config.cache.tags=2',
  ];
}

function print(report: HostileReport): void {
  printTable(
    [
      'hostile',
      ...FIELDS,
      'p50 ms',
      'p99 ms',
      'of nobody',
      'blind p99',
      'of nobody',
      'asking p99',
      'of nobody',
      'CPUs',
    ],
    [...report.loads].map(([name, phases]) =>
      [name].concat(
        FIELDS.map((field) => String(sum(phases, field))),
        percentileOf(phases.map(answered), 0.5).toFixed(1),
        percentileOf(phases.map(answered), 0.99).toFixed(1),
        ratioOf(report, name, answered).toFixed(2),
        ...[blind, asking].flatMap((times) => [
          percentileOf(phases.map(times), 0.99).toFixed(1),
          ratioOf(report, name, times).toFixed(2),
        ]),
        processorsOf(phases).toFixed(2),
      ),
    ),
  );
  printTable(
    ['when all are hostile', 'what they did, and what came of it'],
    Object.entries(added(report.counts)).map(([party, counts]) => [
      party,
      Object.entries(counts)
        .map(([what, count]) => `${count} ${what}`)
        .join(', '),
    ]),
  );
  reportGoals('hostile neighbours', goals(report), {
    changes: report.changes,
    slowestChangeMilliseconds: Math.round(report.slowestChange),
    replicas: report.replicas,
  });
  for (const [name, phases] of report.loads) {
    for (const fault of phases.flatMap(({ faults }) => faults.slice(0, 5))) console.log(`${name}: ${fault}`);
  }
}

function goals(report: HostileReport): readonly Goal[] {
  const all = [...report.loads.values()].flat();
  return [
    { what: 'honest reviews answered wrongly', measured: sum(all, 'wrong'), goal: 0, unit: '' },
    { what: 'honest reviews not answered', measured: sum(all, 'lost') + sum(all, 'cut'), goal: 0, unit: '' },
    {
      what: '99th of a hundred with all hostile, over the same discarded',
      measured: ratioOf(report, 'all', answered),
      goal: 2,
      unit: 'times',
    },
    // A phase that is shorter than a party takes to begin would show that it costs nothing.
    {
      what: 'parties that did nothing when all were hostile',
      measured: Object.values(added(report.counts)).filter((counts) => Object.keys(counts).length === 0).length,
      goal: 0,
      unit: '',
    },
    {
      what: 'replicas that ended, or that the kernel ended for memory',
      measured: report.replicas.filter(({ isAlive, killed }) => !isAlive || killed > 0).length,
      goal: 0,
      unit: '',
    },
    {
      what: 'most memory of a replica, with files read',
      measured: Math.max(...report.replicas.map(({ most }) => most)),
      goal: LIMIT,
      unit: 'MiB',
    },
  ];
}

/** Which times of a phase, in milliseconds. */
type Times = (phase: PhaseReport) => Float64Array;

function answered({ answerTimes }: PhaseReport): Float64Array {
  return answerTimes;
}

/** What shared processors cost one who has nothing to do with Cosignet. */
function blind({ blindTimes }: PhaseReport): Float64Array {
  return blindTimes;
}

/** The same, of one who asks the registry once about each image. */
function asking({ askingTimes }: PhaseReport): Float64Array {
  return askingTimes;
}

/** How long one of a hundred waits at least, as a multiple of what it waits where nobody is hostile. */
function ratioOf({ loads }: HostileReport, name: string, times: Times): number {
  const of = (phase: string) => percentileOf((loads.get(phase) ?? []).map(times), 0.99);
  return of(name) / of('nobody');
}

/** Of all replicas together: 1 is one that is busy all the time. */
function processorsOf(phases: readonly PhaseReport[]): number {
  const whole = (of: (phase: PhaseReport) => number) => phases.reduce((total, phase) => total + of(phase), 0);
  return whole(({ processorSeconds }) => processorSeconds) / whole(({ seconds }) => seconds);
}

function percentileOf(phases: readonly Float64Array[], share: number): number {
  return percentile(Float64Array.from(phases.flatMap((times) => [...times])).toSorted(), share);
}

function sum(phases: readonly LoadReport[], field: keyof Tally): number {
  return phases.flatMap(({ tallies }) => [...tallies.values()]).reduce((total, tally) => total + tally[field], 0);
}

function added(phases: readonly Counts[]): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const total: Record<string, Record<string, number>> = {};
  for (const [party, counts] of phases.flatMap(Object.entries<Counts[string]>)) {
    const own = (total[party] ??= {});
    for (const [what, count] of Object.entries(counts)) own[what] = (own[what] ?? 0) + count;
  }
  return total;
}
