// SPDX-License-Identifier: Apache-2.0
// The unit tests in a few processes side by side: a process for each file would spend more time starting than testing.
// What failed is printed whole; the totals of all processes come last.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

const SHARDS = 4;
const FILES = ['test/unit/**/*.test.ts', 'test/checks/**/*.test.ts'];

interface Shard {
  readonly code: number;
  readonly output: string;
}

async function runShard(index: number): Promise<Shard> {
  const shard = `--test-shard=${index + 1}/${SHARDS}`;
  // A test that waits for ever fails by its name, and nothing that it left open keeps the process.
  const flags = ['--test', '--test-isolation=none', '--test-timeout=120000', '--test-force-exit', shard];
  const child = spawn(process.execPath, [...flags, '--test-reporter=spec', ...FILES], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return { code: Number(code ?? 1), output };
}

const began = performance.now();
const shards = await Promise.all(Array.from({ length: SHARDS }, (_, index) => runShard(index)));
for (const { code, output } of shards) if (code !== 0) process.stdout.write(output);
const count = (what: string): number =>
  shards.reduce((sum, { output }) => sum + Number(new RegExp(`ℹ ${what} (\\d+)`).exec(output)?.[1] ?? 0), 0);
const seconds = Math.round((performance.now() - began) / 1000);
console.log(
  `unit tests: ${count('pass')} passed, ${count('fail')} failed, ${count('skipped')} skipped in ${seconds} s`,
);
process.exitCode = shards.every(({ code }) => code === 0) ? 0 : 1;
