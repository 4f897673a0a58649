// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { parseJsonObject } from '../json.ts';
import type { JsonObject } from '../json.ts';
import type { Credential } from '../types.ts';

/** Asks `docker-credential-<name>` for a host's credentials; undefined where it has none. Rejects with `Error`. */
export type RunCredentialHelper = (name: string, host: string) => Promise<Credential | undefined>;

export interface HelperOptions {
  /** The helper's whole environment; its PATH is where the program is looked for. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMilliseconds: number;
}

const OUTPUT_BYTES = 64 * 1024;
/** The fixed text of the protocol (docker-credential-helpers, credentials/error.go). */
const NOT_FOUND = 'credentials not found in native keychain';
/** How helpers say that the secret is a refresh token. */
const TOKEN_USER = '<token>';

/** The docker-credential-helpers protocol: `get`, the host on stdin, JSON on stdout. */
export function createHelperRunner(options: HelperOptions): RunCredentialHelper {
  return async (name, host) => {
    // A name with a slash would run any program there is.
    if (!/^[a-zA-Z0-9._-]{1,64}$/.test(name)) throw new Error('the name of a credential helper is not valid');
    const program = `docker-credential-${name}`;
    const { exitCode, output } = await run(program, host, options);
    if (exitCode !== 0) {
      if (output.toString('utf8').includes(NOT_FOUND)) return undefined;
      throw new Error(`${program} failed with exit code ${exitCode ?? 'none'}`);
    }
    const answer = parseJsonObject(output);
    if (!answer) throw new Error(`${program} answered no JSON`);
    return toCredential(answer);
  };
}

/** Helpers must not run where nobody asked for them: in Secrets, in tests. */
export const noHelpers: RunCredentialHelper = () => Promise.resolve(undefined);

function toCredential(answer: JsonObject): Credential | undefined {
  const { Username: username, Secret: secret } = answer;
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined;
  return username === TOKEN_USER ? { username, password: '', identityToken: secret } : { username, password: secret };
}

interface Run {
  readonly exitCode: number | null;
  readonly output: Buffer;
}

/** Messages name the program only: what it printed may be the secret. */
function run(program: string, input: string, options: HelperOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...options.environment },
      timeout: options.timeoutMilliseconds,
      killSignal: 'SIGKILL',
    });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > OUTPUT_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(`${program} can't be run (${error.code ?? 'unknown'})`)),
    );
    child.on('close', (exitCode, signal) => {
      if (size > OUTPUT_BYTES) reject(new Error(`${program} printed more than ${OUTPUT_BYTES} bytes`));
      else if (signal) reject(new Error(`${program} was ended by ${signal}, perhaps for taking too long`));
      else resolve({ exitCode, output: Buffer.concat(chunks) });
    });
    // A helper may exit without reading; its exit code tells more than the broken pipe.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
