// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Installation } from '../../e2e/workbench/installation.ts';
import { tail } from '../../control-plane/process.ts';
import { addressesOf } from '../../e2e/workbench/replica.ts';
import { startCaller } from '../caller.ts';
import { prepareChanges } from '../changes.ts';
import { runLoad, type LoadReport } from '../load.ts';
import { steadyQuestions } from '../questions.ts';
import { logOf, pidOf, podsOf, settled } from '../run.ts';
import { startBare } from './bare.ts';
import { startDiscard } from './discard.ts';
import type { MemoryBound, MemoryUse } from '../../control-plane/memory-bound.ts';
import { PARTIES, type Counts, type Neighbours, type PartyName } from './neighbours.ts';
import { NAMESPACE, type Targets } from './party.ts';

export interface HostileOptions {
  /** Of all phases together. */
  readonly seconds: number;
  /** How often all phases come, one after the other, so that a busy minute of the machine meets all of them. */
  readonly rounds: number;
  /** By name; all, where there are none. */
  readonly phases: readonly string[];
  /** Honest reviews a second. */
  readonly rate: number;
  readonly neighbours: Neighbours;
  readonly memory: MemoryBound;
  readonly log: (line: string) => void;
}

/** Who is hostile in a phase: what all others send is discarded. */
export const PHASES: Readonly<Record<string, readonly PartyName[]>> = {
  nobody: [],
  ...Object.fromEntries(PARTIES.map((party) => [party, [party]])),
  all: PARTIES,
};

/** Honest load of one phase. */
export interface PhaseReport extends LoadReport {
  /** Processor time that all replicas took, in seconds. */
  readonly processorSeconds: number;
  /** As `answerTimes`, of the same reviews to a webhook that looks at none: what the machine alone makes them wait. */
  readonly blindTimes: Float64Array;
  /** The same, of one that asks the registry once about each image. */
  readonly askingTimes: Float64Array;
}

export interface HostileReport {
  /** Of each phase, by its name, a round each. */
  readonly loads: ReadonlyMap<string, readonly PhaseReport[]>;
  /** What they did when all were hostile, a round each. */
  readonly counts: readonly Counts[];
  /** Of those that there were at the beginning. */
  readonly replicas: readonly (MemoryUse & { readonly isAlive: boolean })[];
  readonly changes: number;
  readonly slowestChange: number;
}

/** Milliseconds in which what a phase left behind is cleared away. */
const PAUSE = 3000;
const POLICIES = `/apis/cosignet.dev/v1/namespaces/${NAMESPACE}/namespacedimagepolicies`;

/** Honest load beside hostile neighbours, who are all at work in every phase. */
export async function standFirm(here: Installation, options: HostileOptions): Promise<HostileReport> {
  const { seconds, rounds, rate, neighbours, memory, log, phases } = options;
  const chosen = Object.entries(PHASES).filter(([name]) => phases.length === 0 || phases.includes(name));
  await here.kubectl('create', 'namespace', NAMESPACE);
  const changes = await prepareChanges(here);
  const questions = [...steadyQuestions(here), ...changes.questions];
  const caller = startCaller(here.bench.cluster);
  const ended = new AbortController();
  const pods = await podsOf(here);
  const pids = new Map(pods.map((pod) => [pod, pidOf(here, pod)]));
  const discard = await startDiscard(await targetsOf(here, pods));
  const [blind, asking] = [await startBare('blind'), await startBare('asking')];
  const loads = new Map<string, PhaseReport[]>();
  const processorTime = () => [...pids.values()].reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const counts: Counts[] = [];

  async function phase(name: string, hostile: readonly PartyName[]): Promise<void> {
    log(`hostile: ${name}`);
    // The token of the path changes every five minutes.
    const aim = { hostile, targets: await targetsOf(here, pods), discarding: discard.targets };
    const span = seconds / rounds / chosen.length;
    const before = processorTime();
    const load = { questions, rate, seconds: span, killedAt: () => undefined };
    const { result, counts: done } = await neighbours.during(aim, () =>
      Promise.all([
        runLoad({ ...load, caller }),
        runLoad({ ...load, caller: blind }),
        runLoad({ ...load, caller: asking }),
      ]),
    );
    const [honest, { answerTimes: blindTimes }, { answerTimes: askingTimes }] = result;
    const report = { ...honest, processorSeconds: processorTime() - before, blindTimes, askingTimes };
    loads.set(name, [...(loads.get(name) ?? []), report]);
    log(`  most memory so far: ${[...pids.values()].map((pid) => memory.use(pid).most).join(' and ')} MiB`);
    if (hostile.length === PARTIES.length) counts.push(done);
    if (hostile.includes('policy writer')) await here.bench.cluster.api.delete(POLICIES);
    await delay(PAUSE);
  }

  try {
    await settled(caller, questions);
    // Their connections are open from the beginning, as those of the other are.
    for (const bare of [blind, asking])
      await runLoad({ caller: bare, questions, rate: 200, seconds: 1, killedAt: () => undefined });
    const changing = changes.run(8000, ended.signal);
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, hostile] of chosen) await phase(name, hostile);
    }
    ended.abort();
    const now = new Map((await podsOf(here)).map((pod) => [pod, pidOf(here, pod)]));
    for (const pod of pids.keys()) {
      if (!now.has(pod)) log(`${pod} has ended; it said last:\n${await tail(logOf(here, pod))}`);
    }
    return {
      loads,
      counts,
      replicas: [...pids].map(([pod, pid]) => Object.assign({ isAlive: now.get(pod) === pid }, memory.use(pid))),
      changes: await changing,
      slowestChange: Math.max(...questions.map(({ right }) => right.slowestChange)),
    };
  } finally {
    ended.abort();
    await discard.close();
    await blind.close();
    await asking.close();
    await caller.close();
  }
}

/** Of a process, of which a hundredth is a tick; none of one that has ended. */
function processorSeconds(pid: number): number {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return 0;
  const text = readFileSync(file, 'utf8');
  // The name before may hold anything but ends with the last parenthesis; utime and stime are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function targetsOf(here: Installation, pods: readonly string[]): Promise<Targets> {
  const addresses = await Promise.all(pods.map((pod) => addressesOf(here, pod)));
  const webhooks = addresses.map(({ webhook }) => new URL(webhook).origin);
  const { server, token } = here.bench.cluster;
  return {
    webhooks,
    probes: webhooks.map((origin) => `http://${new URL(origin).hostname}:8081`),
    path: await here.read('mutatingwebhookconfiguration/cosignet', '.webhooks[0].clientConfig.service.path'),
    api: server,
    token,
  };
}
