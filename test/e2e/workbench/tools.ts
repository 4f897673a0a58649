// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../../..');

/** Folder of the real helm, kubectl, cosign, … that `make tools` builds. */
export const TOOLS = process.env['TOOLS_BIN'] ?? path.join(ROOT, '.cache/tools/bin');

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Beside or instead of this process's variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Standard input. */
  readonly input?: string;
}

/** Runs a program to its end, whatever its exit code. The real tools come before others of the same name. */
export function run(command: readonly [string, ...string[]], { env, input = '' }: RunOptions = {}): Promise<Outcome> {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, PATH: `${TOOLS}:${process.env['PATH'] ?? ''}`, ...env },
    // A group of its own, so that what it started ends with it.
    detached: true,
  });
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  process.once('exit', kill);
  child.once('close', () => process.off('exit', kill));
  // A program that ends without reading its input is no failure.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    );
  });
}

/** Runs a program that must succeed; its standard output without the last line break. */
export async function output(command: readonly [string, ...string[]], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}\n${stdout}${stderr}`);
  return stdout.trimEnd();
}

/** Fails with what to do where one of them is missing. */
export function requireTools(...names: readonly string[]): void {
  for (const name of names) {
    try {
      accessSync(path.join(TOOLS, name), constants.X_OK);
    } catch {
      throw new Error(`${name} is not in ${TOOLS}: run make tools`);
    }
  }
}
