// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Standard output of a program, at most 64 MiB. Its error output is in the message where it fails. */
export async function outputOf(program: string, args: readonly string[], cwd?: string): Promise<Buffer> {
  const { stdout } = await run(program, args, { encoding: 'buffer', maxBuffer: 1 << 26, ...(cwd && { cwd }) });
  return stdout;
}

/** Whether a program can be started at all. */
export function exists(program: string): Promise<boolean> {
  return run(program, ['--version']).then(
    () => true,
    () => false,
  );
}
