// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** A program that runs beside the tests, its output in a file. */
export interface Running {
  readonly pid: number;
  /** Resolves once it has ended, with its exit code; -1 for a signal. */
  readonly ended: Promise<number>;
  /** SIGTERM, and SIGKILL after the grace period (milliseconds). */
  stop(grace?: number): Promise<void>;
}

export interface ProgramOptions {
  readonly command: readonly [string, ...string[]];
  readonly log: string;
  /** The whole environment; left out, this process's. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Signals end this process the way in which `exit` listeners run. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Programs that die with this process: one listener for all. */
const alive = new Set<ChildProcess>();

function killAll(): void {
  for (const child of alive) child.kill('SIGKILL');
}

function exitOnSignals(): void {
  if (!process.listeners('exit').includes(killAll)) process.on('exit', killAll);
  for (const signal of ENDING) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
}

/** Starts a program by its path; it dies with this process. */
export function startProgram({ command, log, env, cwd }: ProgramOptions): Running {
  exitOnSignals();
  const output = openSync(log, 'a');
  const [program, ...args] = command;
  const child = spawn(program, args, {
    stdio: ['ignore', output, output],
    ...(env && { env }),
    ...(cwd !== undefined && { cwd }),
  });
  closeSync(output);
  alive.add(child);
  const ended = new Promise<number>((resolve) => {
    child.once('error', () => resolve(-1));
    child.once('exit', (code) => resolve(code ?? -1));
  }).finally(() => alive.delete(child));
  return { pid: child.pid ?? -1, ended, stop: (grace = 5000) => stop(child, ended, grace) };
}

async function stop(child: ChildProcess, ended: Promise<number>, grace: number): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), grace);
  await ended;
  clearTimeout(timer);
}

/**
 * Asks until the answer is not undefined; fails with the description and the last error at the deadline. Left out, that is far
 * beyond what a busy machine needs: it only bounds a failure.
 */
export async function waitFor<T>(
  description: string,
  ask: () => Promise<T | undefined>,
  { timeout = 90_000, interval = 50 } = {},
): Promise<T> {
  const deadline = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeout / 1000} s for ${description}`, last === undefined ? {} : { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** The last lines of a log, for error messages. */
export async function tail(log: string, lines = 15): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}
