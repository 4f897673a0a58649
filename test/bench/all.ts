// SPDX-License-Identifier: Apache-2.0
// Every benchmark, or those that are named, one after the other, so that none disturbs another; then every goal in one
// table. Ends with 1 where one is missed or a benchmark failed. The goals that compare with other programs than cosign
// are in performance.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { isMet, printGoals } from './goals.ts';
import type { Goal } from './goals.ts';
import { ALLOCATOR, heapFlags } from './image-memory.ts';

const PROGRAMS = new Map([
  ['requests', 'requests/requests.ts'],
  ['sharing', 'requests/sharing.ts'],
  ['scale', 'scale/scale.ts'],
  ['latency', 'requests/latency.ts'],
  ['load', 'load/load.ts'],
  ['start', 'cluster/start.ts'],
  ['admission', 'cluster/admission.ts'],
]);
const names = process.argv.length > 2 ? process.argv.slice(2) : [...PROGRAMS.keys()];
const unknown = names.filter((name) => !PROGRAMS.has(name));
if (unknown.length > 0)
  throw new Error(`no benchmark: ${unknown.join(', ')}; there are ${[...PROGRAMS.keys()].join(', ')}`);

const goals: Goal[] = [];
const failed: string[] = [];
for (const name of names) {
  console.log(`\n== ${name}`);
  // With the memory that a replica has.
  const child = spawn(process.execPath, [...heapFlags(), path.join(import.meta.dirname, PROGRAMS.get(name) ?? '')], {
    env: { ...process.env, ...ALLOCATOR },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let reported = false;
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (!line.startsWith('{"benchmark"')) continue;
    const report: { readonly goals: readonly Goal[] } = JSON.parse(line);
    goals.push(...report.goals);
    reported = true;
  }
  await ended;
  if (!reported) failed.push(name);
}
console.log('\n== every goal');
printGoals(goals);
console.log(JSON.stringify({ goals, missed: goals.filter((goal) => !isMet(goal)).map(({ what }) => what), failed }));
process.exitCode = goals.every(isMet) && failed.length === 0 ? 0 : 1;
