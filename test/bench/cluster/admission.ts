// SPDX-License-Identifier: Apache-2.0
// What admission adds to the making of Pods and Deployments at a real API server, as installed by the chart with two
// replicas: callers of the API at once, in turns with the same where no webhook is asked. Server-side dry runs: all of
// admission and none of etcd's writing. Prints a table and a line of JSON; ends with 1 where a caller fails.
import { install, openInstallation, admitted } from '../../e2e/workbench/installation.ts';
import { reportGoals } from '../goals.ts';
import { printTable } from '../table.ts';

// Before the workbench looks: what ships is measured.
process.env['COSIGNET_PROGRAM'] ??= 'dist/cosignet.js';

const CALLERS = [1, 50, 200, 500];
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** Calls of a round, each caller at least two after one another. */
const CALLS = 400;
/** Reviewed, and excluded by the chart: there the API server calls no webhook. */
const NAMESPACES = { reviewed: 'shop', without: 'kube-system' } as const;

type Where = keyof typeof NAMESPACES;

interface Round {
  /** Milliseconds of each call that was answered rightly. */
  readonly times: readonly number[];
  readonly failures: readonly string[];
}

const here = await openInstallation();
try {
  await install(here);
  await admitted(here, here.images.signed);
  const rows = [];
  for (const kind of ['Pod', 'Deployment'] as const) {
    for (const callers of CALLERS) rows.push(await measure(kind, callers));
  }
  printTable(
    ['what', 'callers', 'calls', 'without p50', 'p99', 'with p50', 'p99', 'added p50 ms', 'p99', 'failed'],
    rows.map(({ failures, ...row }) => [...Object.values(row), failures.length]),
  );
  for (const text of new Set(rows.flatMap(({ failures }) => failures).slice(0, 5))) console.log(text);
  const goals = rows.map(({ what, callers, failures }) => ({
    what: `${what}s made by ${callers} callers at once that failed`,
    measured: failures.length,
    goal: 0,
    unit: 'calls',
  }));
  reportGoals('admission', goals, { rows });
} finally {
  await here.close();
}

async function measure(kind: 'Pod' | 'Deployment', callers: number) {
  const rounds: Record<Where, Round[]> = { reviewed: [], without: [] };
  // Connections are opened, and the first decision is made.
  for (const where of ['without', 'reviewed'] as const) await round(kind, callers, where);
  for (let index = 0; index < ROUNDS; index += 1) {
    for (const where of ['without', 'reviewed'] as const) rounds[where].push(await round(kind, callers, where));
  }
  const [without, reviewed] = (['without', 'reviewed'] as const).map((where) =>
    rounds[where].flatMap(({ times }) => times).toSorted((a, b) => a - b),
  );
  const [p50, p99] = [0.5, 0.99].map((share) => ({
    without: quantile(without ?? [], share),
    reviewed: quantile(reviewed ?? [], share),
  }));
  return {
    what: kind,
    callers,
    calls: reviewed?.length ?? 0,
    withoutMedian: p50?.without,
    without99: p99?.without,
    median: p50?.reviewed,
    reviewed99: p99?.reviewed,
    addedMedian: Math.round((p50?.reviewed ?? NaN) - (p50?.without ?? NaN)),
    added99: Math.round((p99?.reviewed ?? NaN) - (p99?.without ?? NaN)),
    failures: [...rounds.without, ...rounds.reviewed].flatMap(({ failures }) => failures),
  };
}

async function round(kind: 'Pod' | 'Deployment', callers: number, where: Where): Promise<Round> {
  const times: number[] = [];
  const failures: string[] = [];
  const each = Math.max(2, Math.ceil(CALLS / callers));
  const call = async () => {
    for (let index = 0; index < each; index += 1) {
      const began = performance.now();
      try {
        const made = await here.bench.cluster.api.post<object>(pathOf(kind, where), bodyOf(kind));
        // The webhook pins a Pod's image: this is how it is seen to have been asked, and only there.
        const pinned = JSON.stringify(made).includes(here.images.signed.pinned);
        if (kind === 'Pod' && pinned !== (where === 'reviewed')) throw new Error(`${where}, and pinned: ${pinned}`);
        times.push(performance.now() - began);
      } catch (error) {
        failures.push(String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  return { times, failures };
}

function pathOf(kind: 'Pod' | 'Deployment', where: Where): string {
  const group = kind === 'Pod' ? '/api/v1' : '/apis/apps/v1';
  return `${group}/namespaces/${NAMESPACES[where]}/${kind.toLowerCase()}s?dryRun=All`;
}

function bodyOf(kind: 'Pod' | 'Deployment'): object {
  const spec = { containers: [{ name: 'main', image: here.images.signed.tag }] };
  if (kind === 'Pod') return { metadata: { generateName: 'asked-' }, spec };
  const template = { metadata: { labels: { app: 'asked' } }, spec };
  return { metadata: { generateName: 'asked-' }, spec: { selector: { matchLabels: { app: 'asked' } }, template } };
}

function quantile(ordered: readonly number[], share: number): number {
  return Number((ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] ?? NaN).toFixed(1));
}
