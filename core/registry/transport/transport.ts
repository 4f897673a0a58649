// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import { EngineError } from '../../errors.ts';
import type { EngineMetrics } from '../../observe.ts';
import type { Connections } from './connections.ts';
import type { HttpResponse, HttpRequest } from './http-message.ts';
import { exchangeFailure, isConnectionReset, RegistryOutage } from './failures.ts';
import { ResponseReader } from './response-reader.ts';
import { UNBOUNDED } from '../read-budget.ts';
import type { RequestScope } from '../types.ts';

const RETRIED_STATUSES: ReadonlySet<number> = new Set([408, 502, 503, 504]);

/** One HTTP exchange, no redirects followed. Fails with `EngineError`; any HTTP status is a response. */
export interface Transport {
  send(request: HttpRequest, scope: RequestScope): Promise<HttpResponse>;
}

/** The one place where bytes from registries come in: caps, time limits and reach are enforced here. */
export function createTransport(options: {
  readonly connections: Connections;
  readonly requestMilliseconds: number;
  readonly metrics: Pick<EngineMetrics, 'registryRequest'>;
}): Transport {
  const attempt = (request: HttpRequest, scope: RequestScope) => exchange(options, request, scope);
  return {
    async send(request, scope) {
      const repeatable = request.method !== 'POST' && request.ahead === undefined;
      try {
        const response = await attempt(request, scope);
        return repeatable && RETRIED_STATUSES.has(response.status) ? await attempt(request, scope) : response;
      } catch (error) {
        if (!repeatable || scope.signal.aborted || !isConnectionReset(error)) throw error;
        return attempt(request, scope);
      }
    },
  };
}

interface ExchangeOptions {
  readonly connections: Connections;
  readonly requestMilliseconds: number;
  readonly metrics: Pick<EngineMetrics, 'registryRequest'>;
}

async function exchange(options: ExchangeOptions, request: HttpRequest, scope: RequestScope): Promise<HttpResponse> {
  const { registry, operation } = request;
  // Nobody needs it of a request that succeeds.
  const who = () => request.url.host;
  if (scope.signal.aborted || request.ahead?.aborted === true) throw outOfTime(`no time was left to ask ${who()}`);
  const reader = readerFor(request, scope);
  const onAbort = (): void => reader.stop(outOfTime(`time ran out while waiting for ${who()}`));
  const onTimeout = (): void => {
    const message = `${who()} did not answer within ${options.requestMilliseconds} ms`;
    reader.stop(new RegistryOutage('DeadlineExceeded', message));
  };
  const timeout = setTimeout(onTimeout, options.requestMilliseconds);
  scope.signal.addEventListener('abort', onAbort, { once: true });
  const onNeeded = (): void => reader.stopUnlessStarted(outOfTime(`${who()} could not be asked ahead in time`));
  request.ahead?.addEventListener('abort', onNeeded, { once: true });
  try {
    dispatch(options.connections, request, reader);
    const response = await reader.response;
    // undici frees the connection one turn after the body's end. Asking again within this turn, as the
    // next step of a decision does, would open a second connection: a TLS handshake for nothing.
    await setImmediate();
    options.metrics.registryRequest({ registry, operation, status: String(response.status) });
    return response;
  } catch (error) {
    if (reader.isStarted || request.ahead === undefined)
      options.metrics.registryRequest({ registry, operation, status: 'error' });
    throw exchangeFailure(who(), error);
  } finally {
    clearTimeout(timeout);
    scope.signal.removeEventListener('abort', onAbort);
    request.ahead?.removeEventListener('abort', onNeeded);
  }
}

/** What is asked ahead counts when it goes out, for it may not. */
function readerFor(request: HttpRequest, scope: RequestScope): ResponseReader {
  if (request.ahead !== undefined) return new ResponseReader(request, UNBOUNDED, scope.count);
  scope.count();
  return new ResponseReader(request, scope.budget);
}

function outOfTime(message: string): EngineError {
  return new EngineError('DeadlineExceeded', message);
}

function dispatch(connections: Connections, request: HttpRequest, reader: ResponseReader): void {
  const { url, method } = request;
  const options = {
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: wireHeaders(request),
    body: request.body ?? null,
    // undici closes a connection after HEAD by default, which would cost each tag a TLS handshake.
    reset: false,
  };
  connections.to(request.route, url).dispatch(options, reader);
}

function wireHeaders(request: HttpRequest): Record<string, string> {
  const authorization = request.authorization === undefined ? {} : { authorization: request.authorization };
  // Decoded sizes can't be bounded before decoding (gzip bombs), so nothing encoded is asked for or taken.
  return { ...request.headers, ...authorization, 'accept-encoding': 'identity', 'user-agent': 'cosignet' };
}
