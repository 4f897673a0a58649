// SPDX-License-Identifier: Apache-2.0
import type { Target } from './target.ts';

/** What no input may do, whichever reads it. */
const PROTOTYPES: readonly object[] = [Object.prototype, Array.prototype, Function.prototype, String.prototype];
const before = PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype).length);

/** Runs one input; throws where it broke an invariant of the target or one of all targets. */
export async function runOnce({ check, maximumBytes }: Target, input: Buffer): Promise<void> {
  // A copy: a reader that writes into its input would spoil the corpus.
  const pending = check(Buffer.from(input.subarray(0, maximumBytes)));
  if (pending !== undefined) await pending;
  for (const [index, prototype] of PROTOTYPES.entries()) {
    if (Reflect.ownKeys(prototype).length !== before[index]) throw new Error('a prototype was written to');
  }
}

/** Milliseconds of processor time, the least of several runs: a machine that is busy is no finding. */
export async function slowness(target: Target, input: Buffer): Promise<number> {
  let least = Infinity;
  for (let run = 0; run < 4 && least > target.maximumMilliseconds; run++) {
    const started = process.cpuUsage();
    await runOnce(target, input);
    const { user, system } = process.cpuUsage(started);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** Runs one input and holds its time too. */
export async function checkInput(target: Target, input: Buffer): Promise<void> {
  const started = performance.now();
  await runOnce(target, input);
  if (performance.now() - started <= target.maximumMilliseconds) return;
  const milliseconds = await slowness(target, input);
  if (milliseconds > target.maximumMilliseconds) {
    throw new Error(`takes ${Math.round(milliseconds)} ms, more than ${target.maximumMilliseconds} ms`);
  }
}
