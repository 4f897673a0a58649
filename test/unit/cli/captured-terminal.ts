// SPDX-License-Identifier: Apache-2.0
import { Readable } from 'node:stream';
import { run } from '../../../cli/program.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. No credentials of the machine are seen. */
export async function runCaptured(
  args: readonly string[],
  environment: Record<string, string> = {},
  input = '',
): Promise<Ran> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(args, {
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    input: () => Readable.from([Buffer.from(input)]),
    environment: { HOME: '/nonexistent', ...environment },
    signal: new AbortController().signal,
  });
  return { code, out: out.join('\n'), err: err.join('\n') };
}
