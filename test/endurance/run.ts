// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../control-plane/process.ts';
import type { Installation } from '../e2e/workbench/installation.ts';
import { startCaller, type Caller } from './caller.ts';
import { prepareChanges } from './changes.ts';
import { runLoad, type LoadReport } from './load.ts';
import { steadyQuestions, type Question } from './questions.ts';

export interface EnduranceOptions {
  readonly seconds: number;
  /** Reviews a second. */
  readonly rate: number;
  /** Milliseconds from one change of a policy to the next of the same one. */
  readonly period: number;
  /** Parts of the time, 0 to 1, at which a replica is killed (the one that leads first, then in turns). */
  readonly kills: readonly number[];
  /** At which the Secret of the certificates is deleted: a new authority. */
  readonly newAuthorities: readonly number[];
  /** What happens, a line each. */
  readonly log: (line: string) => void;
}

export interface EnduranceReport extends LoadReport {
  /** Replicas that were killed, in order. */
  readonly killed: readonly string[];
  /** How often policies changed. */
  readonly changes: number;
  /** Milliseconds after which a change counted everywhere, at worst; see `Timeline.slowestChange`. */
  readonly slowestChange: number;
  readonly met: Caller['met'];
  /** Mebibytes resident of the replicas that run at the end. */
  readonly resident: readonly number[];
}

/** Milliseconds; certificates live for two minutes, so every one of them is met. */
const CONNECTION_LIFE = 10_000;

/** Asks while everything changes: an installation with two replicas and no policy but `default`. */
export async function endure(here: Installation, options: EnduranceOptions): Promise<EnduranceReport> {
  const changes = await prepareChanges(here);
  const questions = [...steadyQuestions(here), ...changes.questions];
  const caller = startCaller(here.bench.cluster, CONNECTION_LIFE);
  const killed = new Map<string, number>();
  const ended = new AbortController();
  try {
    await settled(caller, questions);
    const disturbing = disturb(here, { options, killed, signal: ended.signal });
    const changing = changes.run(options.period, ended.signal);
    const { rate, seconds } = options;
    const load = await runLoad({ caller, questions, rate, seconds, killedAt: (replica) => killed.get(replica) });
    ended.abort();
    await disturbing;
    return {
      ...load,
      killed: [...killed.keys()],
      changes: await changing,
      slowestChange: Math.max(...questions.map(({ right }) => right.slowestChange)),
      met: caller.met,
      resident: (await podsOf(here)).flatMap((pod) => residentOf(here, pod) ?? []),
    };
  } finally {
    ended.abort();
    await caller.close();
  }
}

/** Every policy is in force, and every image was decided once. */
export async function settled(caller: Caller, questions: readonly Question[]): Promise<void> {
  await waitFor('every question to be answered rightly', async () => {
    const load = await runLoad({ caller, questions, rate: 200, seconds: 1, killedAt: neverKilled });
    if (load.faults.length > 0) throw new Error(load.faults.join('\n'));
    return true;
  });
}

const neverKilled = () => undefined;

interface Disturbance {
  readonly options: EnduranceOptions;
  /** When each was killed, by `performance.now`. */
  readonly killed: Map<string, number>;
  readonly signal: AbortSignal;
}

async function disturb(here: Installation, { options, killed, signal }: Disturbance): Promise<void> {
  const kill = async () => {
    const pods = await podsOf(here);
    const holder = await here.read('cosignet:lease/cosignet', '.spec.holderIdentity');
    const leads = (pod: string) => holder.startsWith(`${pod}_`);
    const chosen = pods.find((pod) => leads(pod) === (killed.size % 2 === 0)) ?? pods[0] ?? '';
    options.log(`killing ${chosen}, ${leads(chosen) ? 'which leads' : 'which does not lead'}`);
    killed.set(chosen, performance.now());
    process.kill(pidOf(here, chosen), 'SIGKILL');
  };
  const renew = async () => {
    options.log('deleting the Secret of the certificates');
    await here.bench.cluster.api.delete('/api/v1/namespaces/cosignet/secrets/cosignet-tls');
  };
  const plan = [
    ...options.kills.map((part) => ({ part, act: kill })),
    ...options.newAuthorities.map((part) => ({ part, act: renew })),
  ];
  const began = performance.now();
  for (const { part, act } of plan.toSorted((a, b) => a.part - b.part)) {
    const wait = began + part * options.seconds * 1000 - performance.now();
    await delay(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await act();
  }
}

export async function podsOf({ kubectl }: Installation): Promise<readonly string[]> {
  const names = await kubectl(
    '--namespace=cosignet',
    'get',
    'pods',
    '--field-selector=status.phase=Running',
    '--output=jsonpath={.items[*].metadata.name}',
  );
  return names.split(' ').filter((name) => name !== '');
}

export function pidOf(here: Installation, pod: string): number {
  return Number(readFileSync(path.join(folderOf(here, pod), 'pid'), 'utf8'));
}

/** What it prints, also once it has ended. */
export function logOf(here: Installation, pod: string): string {
  return path.join(folderOf(here, pod), 'output.log');
}

function folderOf({ bench }: Installation, pod: string): string {
  return path.join(bench.dir, 'cluster', 'pods', pod);
}

/** MiB; undefined for a Pod whose process has just ended. */
function residentOf(here: Installation, pod: string): number | undefined {
  const status = `/proc/${pidOf(here, pod)}/status`;
  if (!existsSync(status)) return undefined;
  const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(status, 'utf8'))?.[1];
  return kibibytes === undefined ? undefined : Math.round(Number(kibibytes) / 1024);
}
