// SPDX-License-Identifier: Apache-2.0
import { createInterface } from 'node:readline';
import type { KubernetesObject } from '@kubernetes/client-node';
import { Agent, request } from 'undici';

/** The harness's own client, so that nothing under test is what the tests look through. */
export interface Api {
  get<T>(path: string): Promise<T>;
  post<T>(path: string, body: unknown): Promise<T>;
  /** A merge patch. */
  patch<T>(path: string, body: unknown): Promise<T>;
  delete(path: string, body?: unknown): Promise<void>;
  watch<T>(path: string, resourceVersion: string, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  close(): Promise<void>;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

export interface ObjectList<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: T[];
}

export class ApiFailure extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
  }
}

export interface ApiOptions {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

export function connectApi({ server, ca, token }: ApiOptions): Api {
  const dispatcher = new Agent({ connect: { ca }, headersTimeout: 60_000, bodyTimeout: 0 });

  interface Call {
    readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
    readonly path: string;
    readonly body?: unknown;
    readonly signal?: AbortSignal;
  }
  async function send({ method, path, body, signal }: Call) {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const response = await request(`${server}${path}`, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
    if (response.statusCode >= 300) {
      const text = await response.body.text();
      throw new ApiFailure(response.statusCode, `${method} ${path}: ${response.statusCode} ${reasonIn(text)}`);
    }
    return response.body;
  }
  async function call<T>(asked: Call): Promise<T> {
    const body = await send(asked);
    const text = await body.text();
    // /readyz answers in plain text; nobody reads that.
    const value: T = text.startsWith('{') ? JSON.parse(text) : {};
    return value;
  }
  async function* watch<T>(path: string, resourceVersion: string, signal: AbortSignal) {
    const query = `watch=1&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
    const body = await send({ method: 'GET', path: `${path}${path.includes('?') ? '&' : '?'}${query}`, signal });
    for await (const line of createInterface({ input: body })) {
      const event: WatchEvent<T> = JSON.parse(line);
      yield event;
    }
  }
  return {
    get: (path) => call({ method: 'GET', path }),
    post: (path, body) => call({ method: 'POST', path, body }),
    patch: (path, body) => call({ method: 'PATCH', path, body }),
    delete: async (path, body) => void (await call({ method: 'DELETE', path, body })),
    watch,
    close: () => dispatcher.destroy(),
  };
}

export interface Follower<T> {
  readonly path: string;
  readonly onChange: (object: T) => void;
  readonly onDelete: (object: T) => void;
  readonly signal: AbortSignal;
}

/** Lists, watches, and starts again whatever happens, until the signal. What vanished meanwhile is noticed. */
export async function follow<T extends KubernetesObject>(api: Api, follower: Follower<T>): Promise<void> {
  const known = new Map<string, T>();
  while (!follower.signal.aborted) {
    try {
      await followOnce(api, follower, known);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function followOnce<T extends KubernetesObject>(api: Api, follower: Follower<T>, known: Map<string, T>) {
  const list = await api.get<ObjectList<T>>(follower.path);
  const present = new Set(list.items.map(uidOf));
  for (const [uid, object] of known) {
    if (!present.has(uid)) forget(object);
  }
  list.items.forEach(note);
  for await (const { type, object } of api.watch<T>(follower.path, list.metadata.resourceVersion, follower.signal)) {
    if (type === 'ERROR') return;
    if (type === 'DELETED') forget(object);
    if (type === 'ADDED' || type === 'MODIFIED') note(object);
  }

  function note(object: T): void {
    known.set(uidOf(object), object);
    follower.onChange(object);
  }
  function forget(object: T): void {
    known.delete(uidOf(object));
    follower.onDelete(object);
  }
}

/** What a Status says, as kubectl prints it. */
function reasonIn(text: string): string {
  try {
    const { reason, message }: { readonly reason?: string; readonly message?: string } = JSON.parse(text);
    if (message !== undefined) return `(${reason}): ${message}`;
  } catch {
    // A proxy's page, or nothing.
  }
  return text.slice(0, 500);
}

function uidOf(object: KubernetesObject): string {
  return object.metadata?.uid ?? '';
}
