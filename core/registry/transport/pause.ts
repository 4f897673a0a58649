// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { headerText, type HttpResponse } from './http-message.ts';

/** Of bursts that are over at once. Who is told to wait longer has used up what there is. */
const LONGEST_PAUSE = 2000;

/** Sends again, once, where the answer is that requests are limited for a moment: after that moment, or never if the signal comes. */
export async function withPause(send: () => Promise<HttpResponse>, signal: AbortSignal): Promise<HttpResponse> {
  const response = await send();
  const pause = response.status === 429 ? shortPause(response) : undefined;
  return pause !== undefined && (await passes(pause, signal)) ? send() : response;
}

/** Milliseconds of `Retry-After: SECONDS` (RFC 9110, 10.2.3). */
function shortPause({ headers }: HttpResponse): number | undefined {
  const text = headerText(headers, 'retry-after') ?? '';
  const milliseconds = /^\d{1,3}$/.test(text) ? Number(text) * 1000 : Infinity;
  return milliseconds <= LONGEST_PAUSE ? milliseconds : undefined;
}

/** False: nobody waits any more. */
function passes(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return sleep(milliseconds, true, { signal }).catch(() => false);
}
