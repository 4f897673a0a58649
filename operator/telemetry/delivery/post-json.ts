// SPDX-License-Identifier: Apache-2.0
import { request } from 'undici';

export interface JsonPost {
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds for all of it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** An answer is read so far, to keep the connection; what it says is of no use. */
const ANSWER_BYTES = 16 * 1024;

/**
 * The HTTP status that a POST has. Redirects are not followed: a 3xx is a status like others, and what was meant for
 * one address goes to no second one. Rejects where there was no answer; see `postFailure`.
 */
export async function postJson({ url, body, headers, timeout, signal }: JsonPost): Promise<number> {
  const answer = await request(url, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body,
    signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
  });
  await answer.body.dump({ limit: ANSWER_BYTES });
  return answer.statusCode;
}

/** Why there was no answer, in one word: messages of such errors may quote the address, which may be a secret. */
export function postFailure(thrown: unknown): string {
  if (!(thrown instanceof Error)) return 'Error';
  const code: unknown = 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : thrown.name;
}
