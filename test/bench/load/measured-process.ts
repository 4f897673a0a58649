// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A process under measurement, seen from outside through /proc (Linux). */
export interface MeasuredProcess {
  /** From spawn until the line that `ready` matched, milliseconds. */
  readonly startMilliseconds: number;
  /** What `ready` matched. */
  readonly match: RegExpExecArray;
  /** User and system CPU time so far, with that of processes that it started, milliseconds. */
  cpuMilliseconds(): number;
  /** Resident set, with that of processes that it started, MiB. */
  residentMebibytes(): number;
  /** Files, sockets, pipes. */
  openFiles(): number;
  stop(): Promise<void>;
}

/** `_SC_CLK_TCK` is 100 on every Linux that Node runs on. */
const TICK_MILLISECONDS = 10;

/**
 * @param ready matches the line of output after which the process serves.
 * @param command Node, unless told.
 */
export async function startMeasured(
  arguments_: readonly string[],
  ready: RegExp,
  environment: Readonly<Record<string, string>> = {},
  command: string = process.execPath,
): Promise<MeasuredProcess> {
  const began = performance.now();
  const child = spawn(command, [...arguments_], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const match = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.once('exit', (code) =>
      reject(new Error(`${arguments_[0] ?? command} ended with ${code} before it was ready`)),
    );
    // Both are read to the end: a full pipe would stop the process.
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        const found = ready.exec(line);
        if (found !== null) resolve(found);
      });
    }
  });
  return {
    startMilliseconds: performance.now() - began,
    match,
    cpuMilliseconds: () => familyOf(child.pid).reduce((sum, pid) => sum + cpuOf(pid), 0),
    residentMebibytes: () =>
      Math.round(familyOf(child.pid).reduce((sum, pid) => sum + residentKibibytesOf(pid), 0) / 1024),
    openFiles: () => readdirSync(`/proc/${child.pid}/fd`).length,
    stop: async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** A process and those that it started: a peer may need others beside it. */
function familyOf(pid: number | undefined): readonly number[] {
  if (pid === undefined) return [];
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    return [pid, ...children.flatMap(familyOf)];
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

/** Milliseconds. */
function cpuOf(pid: number): number {
  // Fields 14 and 15 of proc(5) stat; the command's name before them may hold blanks.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MILLISECONDS;
}

function residentKibibytesOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
