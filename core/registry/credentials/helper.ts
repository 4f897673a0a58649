// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { parseJsonObject } from '../../json.ts';
import type { JsonObject } from '../../json.ts';
import type { Credential } from '../types.ts';
import { checkProgramName, runProgram, type Environment, type RunProgram } from './program.ts';

/** Asks `docker-credential-<name>` for a host's credentials; undefined where it has none. Rejects with `Error`. */
export type RunCredentialHelper = (name: string, host: string) => Promise<Credential | undefined>;

export interface HelperOptions {
  /** The helper's whole environment. */
  readonly environment: Environment;
  /** Where helpers are; left out, they are looked for in the PATH of `environment`. */
  readonly binDir?: string;
  readonly timeoutMilliseconds: number;
  readonly run?: RunProgram;
}

/** The fixed text of the protocol (docker-credential-helpers, credentials/error.go). */
const NOT_FOUND = 'credentials not found in native keychain';
/** How helpers say that the secret is a refresh token. */
const TOKEN_USER = '<token>';
/** Milliseconds. The protocol tells no expiry; helpers keep their own caches, so asking again soon is cheap. */
const REMEMBERED = 30_000;
const FAILURE_REMEMBERED = 5000;
const ANSWERS = 512;

/** The docker-credential-helpers protocol: `get`, the host on stdin, JSON on stdout. */
export function createHelperRunner(options: HelperOptions): RunCredentialHelper {
  const { environment, timeoutMilliseconds, binDir, run = runProgram } = options;
  return async (helper, host) => {
    const name = `docker-credential-${checkProgramName(helper)}`;
    const file = binDir === undefined ? name : path.join(binDir, name);
    const { exitCode, output } = await run({
      file,
      name,
      args: ['get'],
      input: host,
      environment,
      timeoutMilliseconds,
    });
    if (exitCode !== 0) {
      if (output.toString('utf8').includes(NOT_FOUND)) return undefined;
      throw new Error(`${name} failed with exit code ${exitCode ?? 'none'}`);
    }
    const answer = parseJsonObject(output);
    if (!answer) throw new Error(`${name} answered no JSON`);
    return toCredential(answer);
  };
}

/** Runs each helper once for the many decisions of half a minute; failures count for some seconds, too. */
export function rememberHelpers(run: RunCredentialHelper, clock: Clock): RunCredentialHelper {
  const answers = createRecentlyUsed<{ answer: Promise<Credential | undefined>; until: number }>(ANSWERS);
  return (name, host) => {
    const key = JSON.stringify([name, host]);
    const known = answers.get(key);
    if (known && clock() < known.until) return known.answer;
    // Until it answers, everybody waits for this one.
    const entry = { answer: run(name, host), until: Infinity };
    answers.set(key, entry);
    const keepFor = (milliseconds: number) => () => void (entry.until = clock() + milliseconds);
    entry.answer.then(keepFor(REMEMBERED), keepFor(FAILURE_REMEMBERED));
    return entry.answer;
  };
}

function toCredential(answer: JsonObject): Credential | undefined {
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  return username === TOKEN_USER ? { username, password: '', identityToken: secret } : { username, password: secret };
}
