// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { createTurns } from '../../parallel.ts';

/** One run of a program that knows credentials: no shell, nothing of our environment but what is given. */
export interface Program {
  /** An absolute path, or a name that is looked for in the PATH of its environment. */
  readonly file: string;
  /** For messages. */
  readonly name: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly environment: Environment;
  readonly timeoutMilliseconds: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Finished {
  /** Null: it was ended by a signal. */
  readonly exitCode: number | null;
  /** Standard output; here, a secret. */
  readonly output: Buffer;
}

export type RunProgram = (program: Program) => Promise<Finished>;

const OUTPUT_BYTES = 64 * 1024;

/**
 * Runs it to its end. Rejects with `Error` where it can't be started, takes too long or prints too much.
 * Messages name the program only: what it printed may be the secret, and so nobody listens to its stderr either.
 */
export const runProgram: RunProgram = ({ file, name, args, input, environment, timeoutMilliseconds }) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, [...args], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...environment },
      cwd: '/',
      // A group of its own: what it started ends with it, and can't hold its pipe open.
      detached: true,
    });
    const giveUp = (reason: string) => {
      reject(new Error(`${name} ${reason}`));
      endGroup(child);
      child.stdout.destroy();
    };
    const timer = setTimeout(() => giveUp(`took longer than ${timeoutMilliseconds} ms`), timeoutMilliseconds);
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > OUTPUT_BYTES) giveUp(`printed more than ${OUTPUT_BYTES} bytes`);
      else chunks.push(chunk);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      reject(new Error(`${name} can't be run (${error.code ?? 'unknown'})`));
    });
    child.on('close', (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, output: Buffer.concat(chunks) });
    });
    // It may exit without reading; its exit code tells more than the broken pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** At most so many at once, however many images ask; the others wait for their turn. */
export function limitRuns(run: RunProgram, most: number): RunProgram {
  const inTurn = createTurns(most);
  return (program) => inTurn(() => run(program));
}

/** What cloud SDKs learn their identity from, and how they reach their cloud. */
const PASSED_ON =
  /^(?:PATH|HOME|(?:AWS|AZURE|GOOGLE|IDENTITY|MSI)_[A-Z0-9_]+|SSL_CERT_(?:FILE|DIR)|(?:HTTPS?|NO|ALL)_PROXY|(?:https?|no|all)_proxy)$/;

/** Our environment may hold secrets of others, such as the headers of a trace collector: those stay here. */
export function programEnvironment(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED_ON.test(name)));
}

/** A name without slashes: with one it would run any program there is. Throws `Error`. */
export function checkProgramName(name: string): string {
  if (new RegExp(PROGRAM_NAME).test(name)) return name;
  throw new Error('the name of a credential helper is not valid');
}

export const PROGRAM_NAME = '^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,63}$';
