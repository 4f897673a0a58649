// SPDX-License-Identifier: Apache-2.0
// Mutation testing: changes the code that decides, one place at a time, and sees whether a test fails.
//
//   node test/mutation/run.ts [source...] [--seconds N] [--every N]
//
// `--every 20` tries each twentieth mutant of every source, others each time. A mutant lives in its own process only.
// Survivors are listed; those that are understood are in survivors.md.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { mutantsOf } from './mutants.ts';
import type { Mutant } from './mutants.ts';
import { SUBJECTS } from './plan.ts';
import type { Subject } from './plan.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CACHE = path.join(ROOT, '.cache/mutation');
const SOURCE = path.join(CACHE, `mutant-${process.pid}.ts`);
/** A mutant that never ends was noticed too. More where the machine is busy: so many times what no mutant takes. */
const LEAST_MILLISECONDS = 20_000;
const TIMES = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '1800' }, every: { type: 'string', default: '1' } },
});
const end = Date.now() + Number(values.seconds) * 1000;
const every = Math.max(1, Number(values.every));
const offset = randomInt(every);

interface Count {
  killed: number;
  survived: number;
  skipped: number;
}

mkdirSync(CACHE, { recursive: true });
const chosen = SUBJECTS.filter(({ source }) => positionals.length === 0 || positionals.includes(source));
const total: Count = { killed: 0, survived: 0, skipped: 0 };
for (const subject of chosen) {
  const count = tryAll(subject);
  total.killed += count.killed;
  total.survived += count.survived;
  total.skipped += count.skipped;
  print(subject.source, count);
}
print('all', total);

function tryAll(subject: Subject): Count {
  const text = readFileSync(path.join(ROOT, subject.source), 'utf8');
  const count: Count = { killed: 0, survived: 0, skipped: 0 };
  const began = performance.now();
  if (survives(subject, text, Infinity) === undefined) {
    console.log(`${subject.source}: not tried, for its tests fail without a mutant`);
    process.exitCode = 1;
    return count;
  }
  const most = Math.max(LEAST_MILLISECONDS, TIMES * (performance.now() - began));
  for (const mutant of mutantsOf(text).filter((_, index) => index % every === offset)) {
    if (Date.now() > end) {
      count.skipped += 1;
    } else if (survives(subject, apply(text, mutant), most) === undefined) {
      count.killed += 1;
    } else {
      count.survived += 1;
      console.log(`${subject.source}:${mutant.line}  ${mutant.change}`);
    }
  }
  return count;
}

function apply(text: string, { start, end: after, text: replacement }: Mutant): string {
  return text.slice(0, start) + replacement + text.slice(after);
}

/** Undefined where a test notices within so many milliseconds; the nearest tests come first. */
function survives({ source, tests }: Subject, text: string, most: number): true | undefined {
  writeFileSync(SOURCE, text);
  const flags = ['--import', path.join(ROOT, 'test/mutation/load-mutant.ts'), '--test', '--test-isolation=none'];
  const reporter = ['--test-reporter', path.join(ROOT, 'test/mutation/stop-at-failure.ts')];
  for (const group of tests) {
    const { status } = spawnSync(process.execPath, [...flags, ...reporter, ...group], {
      cwd: ROOT,
      env: { ...process.env, MUTATED_URL: String(pathToFileURL(path.join(ROOT, source))), MUTATED_SOURCE: SOURCE },
      stdio: 'ignore',
      ...(Number.isFinite(most) && { timeout: Math.ceil(most) }),
      // The test runner waits for its tests at a SIGTERM.
      killSignal: 'SIGKILL',
    });
    if (status !== 0) return undefined;
  }
  return true;
}

function print(name: string, { killed, survived, skipped }: Count): void {
  const share = killed + survived === 0 ? '' : `${Math.round((100 * killed) / (killed + survived))} %`;
  const columns = [`${killed} killed`, `${survived} survived`, `${skipped} not tried`, share];
  console.log(name.padEnd(34) + columns.map((column) => column.padStart(16)).join(''));
}
