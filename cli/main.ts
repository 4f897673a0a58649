// SPDX-License-Identifier: Apache-2.0
import { run } from './program.ts';

/** The one place that touches the process: streams, environment, signals, exit code. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // A second signal ends the process at once: a shutdown that hangs must not need a SIGKILL.
  process.once(signal, () => stop.abort(new Error(`received ${signal}`)));
}
// A reader that went away (`cosignet verify … | head -1`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  environment: process.env,
  signal: stop.signal,
});
