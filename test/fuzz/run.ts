// SPDX-License-Identifier: Apache-2.0
// Coverage-guided fuzzing of everything that reads outside text:
//
//   node test/fuzz/run.ts [target...] [--seconds N] [--seed S]    all targets share the time
//   node test/fuzz/run.ts target --replay FILE                    one input, with its error
//   node test/fuzz/run.ts --list
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CRASHES, saveInput } from './engine/corpus.ts';
import { fuzz } from './engine/fuzzer.ts';
import type { Report } from './engine/fuzzer.ts';
import { installProbes } from './engine/instrument.ts';
import { checkInput } from './engine/invariants.ts';
import type { Target } from './engine/target.ts';
import { startWatchdog } from './engine/watchdog.ts';
import { loadTarget, TARGET_NAMES } from './targets.ts';
import type { TargetName } from './targets.ts';

const WATCHDOG_SECONDS = 15;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    list: { type: 'boolean', default: false },
  },
});

if (values.list) console.log(TARGET_NAMES.join('\n'));
else if (values.replay !== undefined) await replay(chosen(positionals)[0], values.replay);
else await run(chosen(positionals), Number(values.seconds), Number(values.seed));

function chosen(names: readonly string[]): readonly TargetName[] {
  const unknown = names.find((name) => !isTarget(name));
  if (unknown !== undefined) throw new Error(`no target is called ${unknown}; there are ${TARGET_NAMES.join(', ')}`);
  return names.length === 0 ? TARGET_NAMES : names.filter(isTarget);
}

function isTarget(name: string): name is TargetName {
  return TARGET_NAMES.some((known) => known === name);
}

async function replay(name: TargetName | undefined, file: string): Promise<void> {
  if (name === undefined) throw new Error('--replay needs the target before it');
  await checkInput(await loadTarget(name), readFileSync(file));
  console.log(`${name}: every invariant holds for ${file}`);
}

async function run(names: readonly TargetName[], seconds: number, seed: number): Promise<void> {
  if (!(seconds > 0) || !Number.isSafeInteger(seed)) throw new Error('--seconds and --seed are numbers');
  const probes = installProbes();
  const targets: Target[] = [];
  for (const name of names) targets.push(await loadTarget(name));
  const watchdog = startWatchdog(WATCHDOG_SECONDS);
  console.log('target              executions    corpus     edges   crashes');
  const milliseconds = (seconds * 1000) / targets.length;
  for (const target of targets) {
    const report = await fuzz({ target, probes, seed, milliseconds, announce: watchdog.announce });
    print(target.name, report);
    if (report.crashes.length > 0) process.exitCode = 1;
  }
  await watchdog.end();
}

function print(name: string, { executions, corpus, edges, crashes }: Report): void {
  const numbers = [executions, corpus, edges, crashes.length].map((number) => String(number).padStart(10)).join('');
  console.log(name.padEnd(20) + numbers);
  for (const { input, error } of crashes) {
    const file = path.relative(process.cwd(), saveInput(CRASHES, name, input));
    console.log(`  ${error.stack ?? error.message}`.replaceAll('\n', '\n  '));
    console.log(`  reproduce: node test/fuzz/run.ts ${name} --replay ${file}`);
  }
}
