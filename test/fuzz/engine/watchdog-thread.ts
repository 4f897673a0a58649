// SPDX-License-Identifier: Apache-2.0
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { saveInput } from './corpus.ts';

interface Watched {
  /** Inputs begun, and the length of the present one. */
  readonly state: Int32Array;
  readonly bytes: Uint8Array;
  readonly name: Uint8Array;
  readonly milliseconds: number;
  readonly folder: string;
  readonly process: number;
}

const { state, bytes, name, milliseconds, folder, process: watched }: Watched = workerData;
let last = Atomics.load(state, 0);

setInterval(() => {
  const begun = Atomics.load(state, 0);
  if (begun === last && begun > 0) report();
  last = begun;
}, milliseconds);

function report(): void {
  const target = Buffer.from(name).toString('utf8').replace(/\0+$/, '');
  const input = Buffer.from(bytes.subarray(0, Atomics.load(state, 1)));
  const file = saveInput(folder, target, input);
  writeSync(2, `${target}: an input does not end\n  node test/fuzz/run.ts ${target} --replay ${file}\n`);
  process.kill(watched, 'SIGKILL');
}
