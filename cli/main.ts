// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../core/text.ts';
import { EXIT } from './output/exit.ts';
import { run } from './program.ts';

/** The one place that touches the process: streams, environment, signals, exit code. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // A second signal ends the process at once: a shutdown that hangs must not need a SIGKILL.
  process.once(signal, () => stop.abort(new Error(`received ${signal}`)));
}
// A reader that went away (`cosignet verify … | head -1`) is no failure of ours; a full disk is one, and no denial.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`cosignet: failed: standard output: ${errorText(error)}\n`);
  process.exit(EXIT.undecided);
});
// Nobody listens: the answer is on standard output and in the exit code, and a webhook goes on.
process.stderr.on('error', () => undefined);
// Node would end with 1, which says that an image is denied.
process.on('uncaughtException', (thrown) => {
  process.stderr.write(`cosignet: failed: ${thrown instanceof Error ? (thrown.stack ?? '') : errorText(thrown)}\n`);
  process.exit(EXIT.undecided);
});

// Deprecations inside of dependencies are for those who update them, not for users.
process.noDeprecation = true;

/** Below it, libraries fail in ways that nobody understands. Tests run on the version in package.json. */
const OLDEST_NODE = 22;
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(`cosignet: needs Node ${OLDEST_NODE} or newer, and this is ${process.version}\n`);
  process.exit(EXIT.usage);
}

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  ...(process.stdout.isTTY && { columns: process.stdout.columns }),
  ...(process.stderr.isTTY && { progress: (text: string) => process.stderr.write(`\r\u001B[2K${text}`) }),
  input: () => process.stdin,
  environment: process.env,
  signal: stop.signal,
});
