// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { AddressRefused } from './addresses.ts';
import { headerText } from './http-message.ts';
import type { HttpResponse } from './http-message.ts';
import { BEHIND_A_PAGE, webPageIn } from './web-page.ts';

/** A server that can't be reached, or answers that it can't serve: true of whatever it is asked for. */
export class RegistryOutage extends EngineError {}

/**
 * Messages name hosts and statuses only. URLs are left out because presigned ones are secrets, and
 * bodies because a registry could echo our credentials into them.
 */
export function statusFailure(who: string, response: HttpResponse): EngineError {
  const { status } = response;
  if (status === 401 || status === 403) {
    return new EngineError('RegistryUnauthorized', `${who} refused access (HTTP ${status})`);
  }
  if (status === 429)
    return new EngineError('RegistryRateLimited', `${who} limits our requests${retryAfter(response)}`);
  const Failure = status >= 500 ? RegistryOutage : EngineError;
  return new Failure('RegistryUnavailable', `${who} answered HTTP ${status}`);
}

function retryAfter(response: HttpResponse): string {
  const text = headerText(response.headers, 'retry-after');
  if (text === undefined || !/^[\w ,:+-]{1,40}$/.test(text)) return ' (HTTP 429)';
  return /^\d+$/.test(text) ? `; it asks to retry after ${text} s` : `; it asks to retry after ${text}`;
}

/** Undefined where the answer is no page made for people: a proxy or a captive portal answers so, with status 200. */
export function webPageFailure(who: string, { body, headers, url }: HttpResponse): EngineError | undefined {
  const page = webPageIn(body, headerText(headers, 'content-type'));
  if (page === undefined) return undefined;
  return new EngineError('RegistryUnavailable', `${who} answered with ${page}: ${BEHIND_A_PAGE}`, {
    remedy: `Find out what answers at ${url.host}, and have it let Cosignet through; proxy in the configuration sets another way.`,
  });
}

/** A failure below HTTP: DNS, TCP, TLS, a broken or oversized response. */
export function exchangeFailure(who: string, thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const refused = causes(thrown).find((error) => error instanceof AddressRefused);
  if (refused) return new EngineError('RegistryUnavailable', `${who}: ${refused.message}`, { cause: thrown });
  const code = errorCode(thrown);
  if (code === 'UND_ERR_HEADERS_OVERFLOW' || code === 'HPE_HEADER_OVERFLOW') {
    return new EngineError('ResponseTooLarge', `${who} sent more header bytes than allowed`, { cause: thrown });
  }
  return new RegistryOutage('RegistryUnavailable', `${who}: ${explain(code)}`, { cause: thrown, ...remedyOf(code) });
}

function remedyOf(code: string): { readonly remedy?: string } {
  if (UNKNOWN_AUTHORITY.has(code)) {
    return { remedy: 'Name the certificate authority of this registry: caFile of its entry in registries[].' };
  }
  if (SPEAKS_NO_TLS.has(code)) {
    return { remedy: 'If this registry speaks plain HTTP, set insecure: true in its entry in registries[].' };
  }
  return {};
}

const UNKNOWN_AUTHORITY: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
const SPEAKS_NO_TLS: ReadonlySet<string> = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']);

/** The peer hung up on us: a kept-alive connection gone stale, a restart. Worth one more try. */
export function isConnectionReset(thrown: unknown): boolean {
  return ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'].includes(errorCode(thrown));
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is self-signed, and by no authority that is known (DEPTH_ZERO_SELF_SIGNED_CERT)',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is by an authority that is not known (SELF_SIGNED_CERT_IN_CHAIN)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is by an authority that is not known (UNABLE_TO_VERIFY_LEAF_SIGNATURE)',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS (ERR_SSL_WRONG_VERSION_NUMBER)',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_CONNECT_TIMEOUT: 'connecting took too long',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name look-up failed for now',
};

function explain(code: string): string {
  return EXPLANATIONS[code] ?? (code === '' ? 'the exchange failed' : `the exchange failed (${code})`);
}

function errorCode(thrown: unknown): string {
  for (const error of causes(thrown)) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code)) return code;
  }
  return '';
}

/** An error with its causes and, for a connection tried on several addresses, the errors of each. */
function causes(thrown: unknown): readonly Error[] {
  const found: Error[] = [];
  const waiting: unknown[] = [thrown];
  while (waiting.length > 0 && found.length < 16) {
    const error = waiting.shift();
    if (!(error instanceof Error)) continue;
    found.push(error);
    waiting.push(error.cause, ...(error instanceof AggregateError ? error.errors : []));
  }
  return found;
}
