// SPDX-License-Identifier: Apache-2.0
import { request, type Dispatcher } from 'undici';
import { orAborted } from '../../core/deadline.ts';
import { BEHIND_A_PAGE, webPageIn } from '../../core/registry/transport/web-page.ts';

/** What every Kubernetes object has, as far as it is used here. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: KubeMeta;
}

export interface KubeMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, made with `apiPath`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string;
  /** Another form of the answer than the whole object; JSON. */
  readonly accept?: string;
  /** Whose connections it goes over; left out: those of all other calls. */
  readonly lane?: Lane;
  readonly signal?: AbortSignal;
  /** The whole exchange, milliseconds; for a watch: until it ends. */
  readonly timeout?: number;
}

/**
 * Connections of their own: who has many Secrets read must not keep a leader from its lease, nor anybody from the labels
 * of a namespace; and who names many in policies no Pod from its pull secrets.
 */
export type Lane = 'lease' | 'secrets' | 'policySecrets';

/** Plain HTTP against one API server. Everything fails with `ApiError`, also what the network does. */
export interface KubeApi {
  /** The answer's JSON. */
  call<T>(request: ApiRequest): Promise<T>;
  /** The answer's bytes as they come. Ends where the server ends it; throws where anything else does. */
  stream(request: ApiRequest): AsyncGenerator<Uint8Array, void, undefined>;
}

export class ApiError extends Error {
  /** HTTP status; 0 where there was no answer. */
  readonly status: number;
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export function isStatus(thrown: unknown, status: number): boolean {
  return thrown instanceof ApiError && thrown.status === status;
}

/** Joins path segments; names may come from requests, so none may climb or split. */
export function apiPath(group: string, ...segments: readonly string[]): string {
  const encoded = segments.map((segment) => {
    if (segment === '' || segment === '.' || segment === '..') throw new ApiError(0, 'not a resource name');
    return encodeURIComponent(segment);
  });
  return `${group}/${encoded.join('/')}`;
}

export interface ApiAuthorization {
  readonly headers: Readonly<Record<string, string>>;
  /** Short requests share few connections; each watch holds one of its own. */
  readonly calls?: Dispatcher;
  readonly watches?: Dispatcher;
  readonly lease?: Dispatcher;
  readonly secrets?: Dispatcher;
  readonly policySecrets?: Dispatcher;
}

export interface KubeApiOptions {
  /** `https://host:port[/prefix]`. Credentials go here and nowhere else: redirects are not followed. */
  readonly server: string;
  readonly authorize: () => Promise<ApiAuthorization>;
}

const CALL_TIMEOUT = 15_000;
/** One object; the API server caps it near 1.5 MiB. */
const ANSWER_BYTES = 4 * 1024 * 1024;
const ERROR_BYTES = 64 * 1024;
/** What `call` answers then has only metadata: a caller that needs no more is not sent what tenants wrote. */
export const ONLY_METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export function createKubeApi(options: KubeApiOptions): KubeApi {
  const server = options.server.replace(/\/$/, '');

  async function open(asked: ApiRequest, signal: AbortSignal, kind: 'calls' | 'watches' | Lane) {
    const authorization = await options.authorize();
    const dispatcher = authorization[kind];
    const headers: Record<string, string> = { ...authorization.headers, accept: asked.accept ?? 'application/json' };
    if (asked.body !== undefined) headers['content-type'] = asked.contentType ?? 'application/json';
    const answer = request(`${server}${asked.path}`, {
      method: asked.method ?? 'GET',
      headers,
      signal,
      // Deadlines are ours (`timeout`), for the whole exchange.
      headersTimeout: 0,
      bodyTimeout: 0,
      ...(asked.query && { query: asked.query }),
      ...(asked.body !== undefined && { body: JSON.stringify(asked.body) }),
      ...(dispatcher && { dispatcher }),
    });
    return whileWanted(answer, signal);
  }

  async function call<T>(asked: ApiRequest): Promise<T> {
    const deadline = startDeadline(asked.signal, asked.timeout ?? CALL_TIMEOUT);
    try {
      const response = await open(asked, deadline.signal, asked.lane ?? 'calls');
      await requireAnswer(asked, response);
      const answer: T = JSON.parse(await readText(response.body, ANSWER_BYTES));
      return answer;
    } catch (thrown) {
      throw asApiError(thrown, asked);
    } finally {
      deadline.clear();
    }
  }

  async function* stream(asked: ApiRequest): AsyncGenerator<Uint8Array, void, undefined> {
    const deadline = startDeadline(asked.signal, asked.timeout ?? CALL_TIMEOUT);
    try {
      const response = await open(asked, deadline.signal, 'watches');
      await requireAnswer(asked, response);
      yield new Uint8Array();
      for await (const chunk of response.body) yield chunk;
    } catch (thrown) {
      throw asApiError(thrown, asked);
    } finally {
      // Also cuts the connection where the reader stopped early.
      deadline.abort();
    }
  }

  return { call, stream };
}

/** The HTTP client hears an abort only once it is connected, which may be never. */
function whileWanted(answer: Promise<Dispatcher.ResponseData>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
  const stopped = (): never => {
    throw signal.reason instanceof Error ? signal.reason : new ApiError(0, 'stopped');
  };
  // Whatever still comes is for nobody.
  return orAborted(answer, signal, stopped, ({ body }) => void body.on('error', () => undefined).destroy());
}

async function requireAnswer(asked: ApiRequest, response: Dispatcher.ResponseData): Promise<void> {
  if (response.statusCode >= 300) throw await refusal(asked, response);
  const page = webPageIn(new Uint8Array(), String(response.headers['content-type'] ?? ''));
  if (page === undefined) return;
  response.body.on('error', () => undefined).destroy();
  throw new Error(`the answer is ${page}: ${BEHIND_A_PAGE}`);
}

async function refusal(asked: ApiRequest, response: Dispatcher.ResponseData): Promise<ApiError> {
  const text = await readText(response.body, ERROR_BYTES).catch(() => '');
  const retryAfter = parseRetryAfter(response.headers['retry-after']);
  const message = `${asked.method ?? 'GET'} ${asked.path}: ${response.statusCode} ${statusMessage(text)}`;
  return new ApiError(response.statusCode, message.trim(), retryAfter);
}

function statusMessage(text: string): string {
  try {
    const status: { message?: unknown } | null = JSON.parse(text);
    return typeof status?.message === 'string' ? status.message.slice(0, 300) : '';
  } catch {
    return '';
  }
}

function parseRetryAfter(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

async function readText(body: Dispatcher.ResponseData['body'], maximum: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes: Uint8Array = chunk;
    size += bytes.byteLength;
    if (size > maximum) throw new ApiError(0, `the answer has more than ${maximum} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size).toString('utf8');
}

function asApiError(thrown: unknown, asked: ApiRequest): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return new ApiError(0, `${asked.method ?? 'GET'} ${asked.path}: ${text}`);
}

interface Deadline {
  readonly signal: AbortSignal;
  readonly clear: () => void;
  readonly abort: () => void;
}

function startDeadline(outer: AbortSignal | undefined, milliseconds: number): Deadline {
  const controller = new AbortController();
  const stop = () => controller.abort(new ApiError(0, 'stopped'));
  const timer = setTimeout(
    () => controller.abort(new ApiError(0, `nothing heard within ${milliseconds} ms`)),
    milliseconds,
  );
  outer?.addEventListener('abort', stop, { once: true });
  if (outer?.aborted) stop();
  const clear = () => {
    clearTimeout(timer);
    outer?.removeEventListener('abort', stop);
  };
  const abort = () => {
    clear();
    controller.abort(new ApiError(0, 'stopped'));
  };
  return { signal: controller.signal, clear, abort };
}
