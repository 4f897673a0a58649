// SPDX-License-Identifier: Apache-2.0
import { Worker } from 'node:worker_threads';
import { CRASHES } from './corpus.ts';

const MAXIMUM_BYTES = 1024 * 1024;

export interface Watchdog {
  readonly announce: (target: string, input: Buffer) => void;
  readonly end: () => Promise<void>;
}

/**
 * A thread that sees to it that inputs end: one that runs longer than `seconds` is saved, and the process killed,
 * since nothing else ends a loop without awaits.
 */
export function startWatchdog(seconds: number): Watchdog {
  const state = new Int32Array(new SharedArrayBuffer(12));
  const bytes = new Uint8Array(new SharedArrayBuffer(MAXIMUM_BYTES));
  const name = new Uint8Array(new SharedArrayBuffer(64));
  const worker = new Worker(new URL('./watchdog-thread.ts', import.meta.url), {
    workerData: { state, bytes, name, milliseconds: seconds * 1000, folder: CRASHES, process: process.pid },
    execArgv: [],
  });
  worker.unref();
  return {
    announce: (target, input) => {
      bytes.set(input.subarray(0, MAXIMUM_BYTES));
      name.fill(0);
      name.set(Buffer.from(target));
      Atomics.store(state, 1, input.length);
      Atomics.add(state, 0, 1);
    },
    end: async () => void (await worker.terminate()),
  };
}
