// SPDX-License-Identifier: Apache-2.0
// Every benchmark, one after the other, so that none disturbs another. Ends with 1 where one missed a goal.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const missed: string[] = [];
for (const name of ['requests', 'scale', 'latency', 'load', 'start']) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(process.execPath, [path.join(import.meta.dirname, `${name}.ts`)], { stdio: 'inherit' });
  if (status !== 0) missed.push(name);
}
console.log(missed.length === 0 ? '\nevery goal is met' : `\ngoals missed in: ${missed.join(', ')}`);
process.exitCode = missed.length === 0 ? 0 : 1;
