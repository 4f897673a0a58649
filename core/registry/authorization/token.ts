// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { EngineError } from '../../errors.ts';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { createSingleFlight } from '../../single-flight.ts';
import { routeTo } from '../transport/endpoints.ts';
import type { Endpoint, SettingsOf } from '../transport/endpoints.ts';
import type { HttpResponse, HttpRequest } from '../transport/http-message.ts';
import { statusFailure, webPageFailure } from '../transport/failures.ts';
import { parseJsonObject } from '../../json.ts';
import type { RedirectingTransport } from '../transport/redirects.ts';
import { UNBOUNDED } from '../read-budget.ts';
import type { Credential, RequestScope } from '../types.ts';

/** Distribution, token.md: what a token without `expires_in` lives. */
const DEFAULT_LIFE_SECONDS = 60;
/** A token server may say anything; an hour is what the honest ones say at most. */
const MAXIMUM_LIFE_SECONDS = 3600;
/** Renewed this long before it ends, for clocks differ and requests travel. */
const MARGIN_MILLISECONDS = 10_000;
const CACHED_TOKENS = 4096;
/** How servers that know only the older protocol answer the POST: 404 by oauth.md, others in use. */
const NO_POST: ReadonlySet<number> = new Set([400, 401, 404, 405]);

export interface TokenRequest {
  readonly endpoint: Endpoint;
  /** From the registry's challenge; untrusted. */
  readonly realm: string;
  readonly service?: string;
  readonly scope: string;
  /** Undefined: anonymous. */
  readonly credential?: Credential;
}

/** Bearer tokens (distribution, token.md and oauth.md). */
export interface TokenStore {
  /** Undefined: the token server refuses these credentials. Fails with `EngineError` for anything else. */
  obtain(request: TokenRequest, scope: RequestScope): Promise<string | undefined>;
  /** The registry refused the token: the next `obtain` asks for another, unless somebody else did already. */
  discard(request: TokenRequest, token: string): void;
}

export interface TokenOptions {
  readonly transport: RedirectingTransport;
  readonly settingsOf: SettingsOf;
  readonly clock: Clock;
  readonly tokenBytes: number;
}

interface Token {
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly renewAt: number;
}

export function createTokenStore(options: TokenOptions): TokenStore {
  const tokens = createRecentlyUsed<Token>(CACHED_TOKENS);
  const flights = createSingleFlight<Token | undefined>();

  return {
    async obtain(request, scope) {
      const key = keyOf(request);
      const known = tokens.get(key);
      if (known && options.clock() < known.renewAt) return known.text;
      const token = await flights.runWithin(key, scope.signal, () =>
        // Small, and others wait for it: no matter of one decision's budget.
        fetchToken(options, request, { ...scope, budget: UNBOUNDED }),
      );
      if (token) tokens.set(key, token);
      return token?.text;
    },
    discard(request, token) {
      const key = keyOf(request);
      if (tokens.get(key)?.text === token) tokens.delete(key);
    },
  };
}

/** Tokens of one credential never serve another: Pods of one namespace must not read with another's rights. */
function keyOf(request: TokenRequest): string {
  const { endpoint, realm, service, scope, credential } = request;
  return JSON.stringify([endpoint.origin.origin, realm, service ?? null, scope, credentialHash(credential)]);
}

/** Stands for a credential in caches, so that they keep no passwords. */
export function credentialHash(credential: Credential | undefined): string {
  if (!credential) return '';
  const { username, password, identityToken, registryToken } = credential;
  const text = JSON.stringify([username, password, identityToken ?? null, registryToken ?? null]);
  return createHash('sha256').update(text).digest('base64');
}

export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

async function fetchToken(
  options: TokenOptions,
  request: TokenRequest,
  scope: RequestScope,
): Promise<Token | undefined> {
  const { endpoint, credential } = request;
  // Relative in some registries behind a proxy; whatever it resolves to is held to the rules of `routeTo`.
  const realm = URL.parse(request.realm, endpoint.origin);
  if (!realm) throw new EngineError('RegistryUnavailable', `${endpoint.registry} names a token server that is no URL`);
  const refreshed = credential?.identityToken
    ? await options.transport.send(refreshRequest(options, request, realm), endpoint, scope)
    : undefined;
  const response =
    refreshed && !NO_POST.has(refreshed.status)
      ? refreshed
      : await options.transport.send(plainRequest(options, request, realm), endpoint, scope);
  if (response.status === 401 || response.status === 403) return undefined;
  const server = `token server ${realm.host} of ${endpoint.registry}`;
  if (response.status !== 200) throw statusFailure(server, response);
  return readToken(response, server, options.clock());
}

function plainRequest(options: TokenOptions, request: TokenRequest, realm: URL): HttpRequest {
  const url = new URL(realm);
  if (request.service !== undefined) url.searchParams.set('service', request.service);
  url.searchParams.append('scope', request.scope);
  const { credential } = request;
  const password = credential?.password || credential?.identityToken;
  const known = credential !== undefined && password !== undefined;
  return {
    ...commonRequest(options, request, url),
    method: 'GET',
    ...(known ? { authorization: basicAuthorization(credential.username, password) } : {}),
  };
}

function refreshRequest(options: TokenOptions, request: TokenRequest, realm: URL): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: request.service ?? '',
    client_id: 'cosignet',
    scope: request.scope,
    refresh_token: request.credential?.identityToken ?? '',
  });
  const common = commonRequest(options, request, realm);
  return {
    ...common,
    method: 'POST',
    headers: { ...common.headers, 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  };
}

function commonRequest(options: TokenOptions, request: TokenRequest, url: URL): Omit<HttpRequest, 'method'> {
  return {
    url,
    route: routeTo(url, request.endpoint, options.settingsOf),
    headers: { accept: 'application/json' },
    maximumBytes: options.tokenBytes,
    limit: 'tokenBytes',
    registry: request.endpoint.registry,
    operation: 'token',
  };
}

function readToken(response: HttpResponse, server: string, now: number): Token {
  const answer = parseJsonObject(response.body);
  const text = answer?.['token'] || answer?.['access_token'];
  // The pattern keeps line breaks out of our request headers.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) {
    throw (
      webPageFailure(server, response) ?? new EngineError('RegistryUnavailable', `${server} answered without a token`)
    );
  }
  const stated = answer?.['expires_in'];
  const life = typeof stated === 'number' && stated > 0 ? stated : DEFAULT_LIFE_SECONDS;
  return { text, renewAt: now + Math.min(life, MAXIMUM_LIFE_SECONDS) * 1000 - MARGIN_MILLISECONDS };
}
