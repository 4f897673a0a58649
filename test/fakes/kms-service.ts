// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach } from 'node:test';
import { DEFAULT_KMS } from '../../core/config/types.ts';
import { createAsk } from '../../core/kms/ask.ts';
import type { KmsMeans } from '../../core/kms/types.ts';
import { runProgram } from '../../core/registry/credentials/program.ts';
import { listen, stop } from './registry/registry.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What is answered: JSON unless it is a text. */
export interface Told {
  readonly status?: number;
  readonly content: unknown;
}

export interface KmsServer {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

/** A service by its wire documents: `answer` is all that it knows. Undefined: it never answers. */
export async function startKmsServer(answer: (asked: Asked) => Told | undefined): Promise<KmsServer> {
  const asked: Asked[] = [];
  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const question = { method, path: url, headers, body: await text(request) };
    asked.push(question);
    const told = answer(question);
    if (told === undefined) return;
    response.statusCode = told.status ?? 200;
    response.end(typeof told.content === 'string' ? told.content : JSON.stringify(told.content));
  }
  const server = createServer((request, response) => void respond(request, response));
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}`, asked, close: () => stop(server) };
}

/** The same for a file of tests, one server a test: each is closed with its test. */
export function kmsServerOfTest(): typeof startKmsServer {
  let server: KmsServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });
  return async (answer) => (server = await startKmsServer(answer));
}

export interface MadeKey {
  readonly pem: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function makeKey(): MadeKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { pem: publicKey.export({ type: 'spki', format: 'pem' }), privateKey, publicKey };
}

/** All means but the files and variables that are given. */
export function kmsMeans(given: Partial<KmsMeans> = {}): KmsMeans {
  return {
    settings: DEFAULT_KMS,
    environment: {},
    ask: createAsk({ proxy: undefined, signal: new AbortController().signal, milliseconds: 2000 }),
    run: runProgram,
    mayAskTools: false,
    readText: (file) => Promise.reject(new Error(`there is no file ${file}`)),
    clock: () => Date.UTC(2026, 0, 2, 3, 4, 5),
    ...given,
  };
}

/** `transit/keys/NAME` of Vault, as its documentation has it. */
export function vaultKey(
  keys: readonly MadeKey[],
  { type = 'ecdsa-p256', least = 1 }: { readonly type?: string; readonly least?: number } = {},
): object {
  const versions = keys.map(({ pem }, index) => [
    String(index + 1),
    { creation_time: '2026-01-01T00:00:00Z', name: 'P-256', public_key: pem },
  ]);
  const data = { type, keys: Object.fromEntries(versions), latest_version: keys.length, min_decryption_version: least };
  return { request_id: 'a', data };
}
