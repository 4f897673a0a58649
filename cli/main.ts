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

// Deprecations inside of dependencies are for those who update them, not for users.
process.noDeprecation = true;

/** Below it, libraries fail in ways that nobody understands. Tests run on the version in package.json. */
const OLDEST_NODE = 22;
if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(`cosignet: needs Node ${OLDEST_NODE} or newer, and this is ${process.version}\n`);
  process.exit(2);
}

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  environment: process.env,
  signal: stop.signal,
});
