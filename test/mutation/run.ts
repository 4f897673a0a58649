// SPDX-License-Identifier: Apache-2.0
// Mutation testing: changes the code that decides, one place at a time, and sees whether a test fails.
//
//   node test/mutation/run.ts [path...] [--seconds N] [--every N] [--jobs N]
//
// A path chooses the sources that begin with it. `--every 20` tries each twentieth mutant of every source, others each
// time. A mutant lives in its own process only. Survivors are listed; those that are understood are in survivors.md.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { mutantsOf } from './mutants.ts';
import type { Mutant } from './mutants.ts';
import { SUBJECTS } from './plan.ts';
import type { Subject } from './plan.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const CACHE = path.join(ROOT, '.cache/mutation');
/** A mutant that never ends was noticed too. More where the machine is busy: so many times what no mutant takes. */
const LEAST_MILLISECONDS = 10_000;
const TIMES = 4;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '7200' },
    every: { type: 'string', default: '1' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
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
const chosen = SUBJECTS.filter(
  ({ source }) => positionals.length === 0 || positionals.some((start) => source.startsWith(start)),
);
const waiting = [...chosen];
const total: Count = { killed: 0, survived: 0, skipped: 0 };
await Promise.all(Array.from({ length: Math.max(1, Number(values.jobs)) }, (_, job) => work(job)));
print('all', total);

async function work(job: number): Promise<void> {
  for (let subject = waiting.shift(); subject !== undefined; subject = waiting.shift()) {
    const count = await tryAll(subject, path.join(CACHE, `mutant-${process.pid}-${job}.ts`));
    total.killed += count.killed;
    total.survived += count.survived;
    total.skipped += count.skipped;
    if (count.killed + count.survived + count.skipped > 0) print(subject.source, count);
  }
}

/** @param file where mutants are written, one after the other. */
async function tryAll(subject: Subject, file: string): Promise<Count> {
  const text = readFileSync(path.join(ROOT, subject.source), 'utf8');
  const count: Count = { killed: 0, survived: 0, skipped: 0 };
  const mutants = mutantsOf(text).filter((_, index) => index % every === offset);
  if (mutants.length === 0) return count;
  const began = performance.now();
  if (await isNoticed(subject, text, { file, most: Infinity })) {
    console.log(`${subject.source}: not tried, for its tests fail without a mutant`);
    process.exitCode = 1;
    return count;
  }
  const most = Math.max(LEAST_MILLISECONDS, TIMES * (performance.now() - began));
  for (const mutant of mutants) {
    if (Date.now() > end) {
      count.skipped += 1;
    } else if (await isNoticed(subject, apply(text, mutant), { file, most })) {
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

interface Attempt {
  readonly file: string;
  /** Milliseconds. */
  readonly most: number;
}

/** Whether a test fails, or does not end, where the source reads so; the nearest tests come first. */
async function isNoticed({ source, tests }: Subject, text: string, { file, most }: Attempt): Promise<boolean> {
  writeFileSync(file, text);
  const flags = ['--import', path.join(ROOT, 'test/mutation/load-mutant.ts'), '--test', '--test-isolation=none'];
  const reporter = ['--test-reporter', path.join(ROOT, 'test/mutation/stop-at-failure.ts')];
  for (const group of tests) {
    const child = spawn(process.execPath, [...flags, ...reporter, ...group], {
      cwd: ROOT,
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: path.join(CACHE, 'compiled'),
        MUTATED_URL: String(pathToFileURL(path.join(ROOT, source))),
        MUTATED_SOURCE: file,
      },
      stdio: 'ignore',
      ...(Number.isFinite(most) && { timeout: Math.ceil(most) }),
      // The test runner waits for its tests at a SIGTERM.
      killSignal: 'SIGKILL',
    });
    const [code] = await once(child, 'exit');
    if (code !== 0) return true;
  }
  return false;
}

function print(name: string, { killed, survived, skipped }: Count): void {
  const share = killed + survived === 0 ? '' : `${Math.round((100 * killed) / (killed + survived))} %`;
  const columns = [`${killed} killed`, `${survived} survived`, `${skipped} not tried`, share];
  console.log(name.padEnd(34) + columns.map((column) => column.padStart(16)).join(''));
}
