// SPDX-License-Identifier: Apache-2.0
import { setImmediate } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { EngineError } from '../../errors.ts';
import { raiseLimit } from '../../limits.ts';
import type { EngineMetrics } from '../../observe.ts';
import type { Connections } from './connections.ts';
import { headerText } from './http-message.ts';
import type { HttpResponse, HttpRequest } from './http-message.ts';
import { exchangeFailure, isConnectionReset, RegistryOutage } from './failures.ts';
import { UNBOUNDED } from '../read-budget.ts';
import type { ReadBudget } from '../read-budget.ts';
import type { RequestScope } from '../types.ts';

/** Bytes read of a response that is no success; enough for the OCI error codes. */
const ERROR_BODY_BYTES = 8 * 1024;
const RETRIED_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);

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
      const repeatable = request.method !== 'POST';
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
  const who = request.url.host;
  if (scope.signal.aborted) throw new EngineError('DeadlineExceeded', `no time was left to ask ${who}`);
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(), options.requestMilliseconds);
  scope.count();
  try {
    const signal = AbortSignal.any([scope.signal, timer.signal]);
    const response = await sendOnce(options, request, { signal, budget: scope.budget });
    // undici frees the connection one turn after the body's end. Asking again within this turn, as the
    // next step of a decision does, would open a second connection: a TLS handshake for nothing.
    await setImmediate();
    options.metrics.registryRequest({ registry, operation, status: String(response.status) });
    return response;
  } catch (error) {
    options.metrics.registryRequest({ registry, operation, status: 'error' });
    if (scope.signal.aborted) throw new EngineError('DeadlineExceeded', `time ran out while waiting for ${who}`);
    if (timer.signal.aborted) {
      throw new RegistryOutage('DeadlineExceeded', `${who} did not answer within ${options.requestMilliseconds} ms`);
    }
    throw exchangeFailure(who, error);
  } finally {
    clearTimeout(timeout);
  }
}

async function sendOnce(
  options: ExchangeOptions,
  request: HttpRequest,
  { signal, budget }: Pick<RequestScope, 'signal' | 'budget'>,
): Promise<HttpResponse> {
  const { url, method } = request;
  const response = await options.connections.to(request.route, url).request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: wireHeaders(request),
    body: request.body ?? null,
    // undici closes a connection after HEAD by default, which would cost each tag a TLS handshake.
    reset: false,
    signal,
  });
  const { statusCode: status, headers } = response;
  const success = status === 200 && method !== 'HEAD';
  const body = success ? await readWhole(response, request, budget) : await readStart(response);
  return { status, headers, body, url };
}

function wireHeaders(request: HttpRequest): Record<string, string> {
  const authorization = request.authorization === undefined ? {} : { authorization: request.authorization };
  // Decoded sizes can't be bounded before decoding (gzip bombs), so nothing encoded is asked for or taken.
  return { ...request.headers, ...authorization, 'accept-encoding': 'identity', 'user-agent': 'cosignet' };
}

async function readWhole(
  response: Dispatcher.ResponseData,
  request: HttpRequest,
  budget: ReadBudget,
): Promise<Uint8Array> {
  const encoding = response.headers['content-encoding'];
  const declared = Number(headerText(response.headers, 'content-length') ?? 0);
  const fault =
    encoding !== undefined && String(encoding).toLowerCase() !== 'identity'
      ? 'sent an encoded body although none was asked for; its true size is unknown'
      : declared > request.maximumBytes
        ? `announced ${declared} bytes, more than the ${request.maximumBytes} allowed`
        : undefined;
  if (fault !== undefined) {
    abandon(response);
    throw new EngineError('ResponseTooLarge', `${request.url.host} ${fault}`, raising(request));
  }
  const { bytes, cut } = await readUpTo(response, request.maximumBytes, budget);
  if (!cut) return bytes;
  const message = `${request.url.host} sent more than the ${request.maximumBytes} bytes allowed`;
  throw new EngineError('ResponseTooLarge', message, raising(request));
}

function raising({ limit }: HttpRequest): { readonly remedy?: string } {
  return limit === undefined ? {} : { remedy: raiseLimit(limit) };
}

/** Reading a short error to its end keeps the connection usable. */
async function readStart(response: Dispatcher.ResponseData): Promise<Uint8Array> {
  return (await readUpTo(response, ERROR_BODY_BYTES, UNBOUNDED)).bytes;
}

async function readUpTo(
  response: Dispatcher.ResponseData,
  cap: number,
  budget: ReadBudget,
): Promise<{ bytes: Uint8Array; cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > cap) {
      abandon(response);
      return { bytes: Buffer.concat(chunks), cut: true };
    }
    // Thrown in the loop: the body is destroyed, and its connection with it.
    budget.spend(chunk.length);
    chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks), cut: false };
}

/** Closes the connection: whatever else the server wants to send stays with it. */
function abandon(response: Dispatcher.ResponseData): void {
  response.body.on('error', () => {});
  response.body.destroy();
}
