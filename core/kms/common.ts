// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { KmsConfiguration } from '../config/types.ts';
import { fieldOf, parseJsonObject } from '../json.ts';
import { oneLine } from '../text.ts';
import type { Answer, KmsMeans } from './types.ts';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Who can change the answer on its way chooses the key. On this machine nobody can. Messages leave out `user:password@`. */
export function requireSecureUrl(text: string, isInsecure: boolean, setting: string): void {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new Error('the address of a service is no https URL');
  if (url.protocol === 'http:' && !isInsecure && !LOOPBACK.has(url.hostname)) {
    throw new Error(
      `http://${url.host} is plain HTTP, by which anybody on the way could choose the key: use https, or set ${setting}`,
    );
  }
}

/** A sentence of what a service refused, in its own words where it has some. */
export function refusalOf(whoAsked: string, { status, content }: Answer): Error {
  const error = fieldOf(content, 'error');
  const errors = fieldOf(content, 'errors');
  const found = [
    Array.isArray(errors) ? errors[0] : undefined,
    fieldOf(error, 'message'),
    fieldOf(content, 'error_description'),
    fieldOf(content, 'message'),
    fieldOf(content, 'Message'),
    fieldOf(content, '__type'),
    error,
  ].find((text): text is string => typeof text === 'string' && text !== '');
  return new Error(
    `${whoAsked}, answers with HTTP status ${status}${found === undefined ? '' : `: ${oneLine(found.replace(/\s+/g, ' '), 300)}`}`,
  );
}

/** A host that only a policy names must not be sent what proves who we are, nor be asked for it. */
export function requireListed(host: string, { endpoints }: KmsConfiguration): void {
  if (endpoints.some((one) => one.toLowerCase() === host.toLowerCase())) return;
  throw new Error(`${host} is none of the endpoints that the configuration lists (kms.endpoints)`);
}

const PROGRAM_MILLISECONDS = 15_000;

/** What a vendor's command line tool prints of whom a person is logged in as; undefined: it may not be asked, or has nothing. */
export async function askProgramText(
  file: string,
  args: readonly string[],
  { mayAskTools, run, environment }: KmsMeans,
): Promise<string | undefined> {
  if (!mayAskTools) return undefined;
  const program = { file, name: file, args, input: '', environment, timeoutMilliseconds: PROGRAM_MILLISECONDS };
  const { exitCode, output } = await run(program).catch(() => ({ exitCode: 1, output: Buffer.alloc(0) }));
  const text = output.toString('utf8').trim();
  return exitCode === 0 && text !== '' ? text : undefined;
}

/** The same, of a tool that prints JSON. */
export async function askProgram(file: string, args: readonly string[], means: KmsMeans): Promise<unknown> {
  const text = await askProgramText(file, args, means);
  return text === undefined ? undefined : parseJsonObject(Buffer.from(text));
}

export function spkiPem(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'spki' });
}
