// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable typescript/no-unsafe-type-assertion -- requests of the code under test are trusted here */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ImagePolicyStatus } from '../../core/policy/documents/image-policy.gen.ts';

/** What a request is answered with instead of the honest answer. */
export type Fault =
  'reset' | 'hang' | { readonly status: number; readonly headers?: Record<string, string>; readonly message?: string };

export interface FakeObject {
  apiVersion?: string;
  kind?: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    labels?: Record<string, string>;
    managedFields?: readonly object[];
  };
  spec?: Record<string, unknown>;
  webhooks?: readonly FakeHook[];
  data?: Record<string, string>;
  status?: ImagePolicyStatus;
  [field: string]: unknown;
}

export interface FakeHook {
  readonly name: string;
  readonly clientConfig: { readonly service?: Readonly<Record<string, string>>; readonly caBundle?: string };
  readonly rules?: readonly object[];
  readonly [field: string]: unknown;
}

interface Watcher {
  readonly collection: string;
  readonly name: string | undefined;
  readonly response: ServerResponse;
}

interface HistoryEntry {
  readonly version: number;
  readonly collection: string;
  readonly line: string;
  readonly name: string;
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly watch: boolean;
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
}

/**
 * An API server as far as the operator uses one, over real HTTP: paged lists, watches from a
 * resource version (410 after `compact`), optimistic locking, merge and JSON patch, apply by one who
 * owns all of a field, status sub-resources. `fault` decides about every request first.
 */
export class FakeApiServer {
  url = '';
  fault: (seen: Seen) => Fault | undefined = () => undefined;
  readonly seen: Seen[] = [];
  /** Items of one list page at most. */
  page = 500;

  #version = 100;
  #compacted = 0;
  #history: HistoryEntry[] = [];
  #watchers = new Set<Watcher>();
  #connections = 0;
  readonly #objects = new Map<string, FakeObject>();
  readonly #server = createServer((request, response) => {
    this.#handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async start(): Promise<this> {
    this.#server.on('connection', () => (this.#connections += 1));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get connections(): number {
    return this.#connections;
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Stores as a client's write would be, and tells the watchers. */
  put(collection: string, object: FakeObject): FakeObject {
    const path = `${collection}/${object.metadata.name}`;
    const before = this.#objects.get(path);
    this.#version += 1;
    const stored = structuredClone(object);
    stored.metadata.resourceVersion = String(this.#version);
    stored.metadata.uid ??= before?.metadata.uid ?? `uid-${this.#version}`;
    this.#objects.set(path, stored);
    this.#tell(collection, before ? 'MODIFIED' : 'ADDED', stored);
    return structuredClone(stored);
  }

  get(collection: string, name: string): FakeObject | undefined {
    const found = this.#objects.get(`${collection}/${name}`);
    return found && structuredClone(found);
  }

  remove(collection: string, name: string): void {
    const path = `${collection}/${name}`;
    const object = this.#objects.get(path);
    if (!object) return;
    this.#objects.delete(path);
    this.#version += 1;
    this.#tell(collection, 'DELETED', {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(this.#version) },
    });
  }

  /** Forgets the history: a watch from an older version is answered 410. */
  compact(): void {
    this.#compacted = this.#version;
    this.#history = [];
  }

  /** Cuts every watch without a closing chunk, as a crashed server does. */
  resetWatches(): void {
    for (const watcher of this.#watchers) watcher.response.destroy();
  }

  /** Ends every watch properly, as at timeoutSeconds. */
  endWatches(): void {
    for (const watcher of this.#watchers) watcher.response.end();
  }

  /** Sends raw text to every watch of a collection. */
  sendRaw(collection: string, text: string): void {
    for (const watcher of this.#watchers) if (watcher.collection === collection) watcher.response.write(text);
  }

  /** While true, watches stay open and nothing is sent on them: a black hole. */
  muted = false;

  #tell(collection: string, type: string, object: FakeObject): void {
    const line = `${JSON.stringify({ type, object })}\n`;
    const { name } = object.metadata;
    this.#history.push({ version: this.#version, collection, line, name });
    if (this.muted) return;
    for (const watcher of this.#watchers) {
      if (watcher.collection === collection && (watcher.name ?? name) === name) watcher.response.write(line);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const seen: Seen = {
      method: request.method ?? '',
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      watch: url.searchParams.get('watch') === 'true',
      body: text === '' ? undefined : JSON.parse(text),
      headers: request.headers,
    };
    this.seen.push(seen);
    const fault = this.fault(seen);
    if (fault === 'hang') return;
    if (fault === 'reset') return void request.socket.destroy();
    if (fault) return refuse(response, fault.status, fault.message ?? 'injected', fault.headers);
    this.#answer(seen, response);
  }

  #answer(seen: Seen, response: ServerResponse): void {
    if (seen.watch) return this.#watch(seen, response);
    if (seen.method === 'POST') return this.#create(seen, response);
    const path = seen.path.replace(/\/status$/, '');
    const object = this.#objects.get(path);
    if (seen.method === 'GET' && !object && isCollection(path)) return this.#list(seen, response);
    if (!object) return refuse(response, 404, `${path} not found`);
    if (seen.method === 'GET') return send(response, 200, object);
    const collection = path.slice(0, path.lastIndexOf('/'));
    if (seen.method === 'DELETE') {
      this.remove(collection, object.metadata.name);
      return send(response, 200, {});
    }
    const next = seen.method === 'PUT' ? (seen.body as FakeObject) : patched(object, seen);
    if (!next) return refuse(response, 422, 'the patch does not apply');
    const asked = next.metadata.resourceVersion;
    if (asked !== undefined && asked !== object.metadata.resourceVersion) {
      return refuse(response, 409, 'the object has been modified');
    }
    if (JSON.stringify(next) === JSON.stringify(object)) return send(response, 200, object);
    send(response, 200, this.put(collection, next));
  }

  #create(seen: Seen, response: ServerResponse): void {
    const object = seen.body as FakeObject & { metadata: { generateName?: string } };
    object.metadata.name ??= `${object.metadata.generateName ?? ''}${this.#version}`;
    if (this.#objects.has(`${seen.path}/${object.metadata.name}`)) return refuse(response, 409, 'already exists');
    send(response, 201, this.put(seen.path, object));
  }

  #list(seen: Seen, response: ServerResponse): void {
    const name = selectedName(seen.query);
    const all = [...this.#objects]
      .filter(([path]) => path.slice(0, path.lastIndexOf('/')) === seen.path)
      .map(([, object]) => object)
      .filter((object) => (name ?? object.metadata.name) === object.metadata.name);
    const start = Number(seen.query.get('continue') ?? 0);
    const size = Math.min(this.page, Number(seen.query.get('limit') ?? this.page));
    const end = start + size;
    const metadata = { resourceVersion: String(this.#version), ...(end < all.length && { continue: String(end) }) };
    send(response, 200, { metadata, items: all.slice(start, end) });
  }

  #watch(seen: Seen, response: ServerResponse): void {
    const since = Number(seen.query.get('resourceVersion'));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (since < this.#compacted) {
      const status = { kind: 'Status', code: 410, message: 'too old resource version', metadata: {} };
      return void response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`);
    }
    const name = selectedName(seen.query);
    for (const entry of this.#history) {
      const wanted = entry.collection === seen.path && (name ?? entry.name) === entry.name;
      if (wanted && entry.version > since && !this.muted) response.write(entry.line);
    }
    const watcher: Watcher = { collection: seen.path, name, response };
    this.#watchers.add(watcher);
    const timer = setTimeout(
      () => {
        if (!this.muted) response.end();
      },
      Number(seen.query.get('timeoutSeconds') ?? 300) * 1000,
    );
    response.on('close', () => {
      clearTimeout(timer);
      this.#watchers.delete(watcher);
    });
  }
}

function isCollection(path: string): boolean {
  return /^\/(api\/v1|apis\/[^/]+\/[^/]+)(\/namespaces\/[^/]+)?\/[^/]+$/.test(path);
}

function selectedName(query: URLSearchParams): string | undefined {
  return /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
}

function patched(object: FakeObject, seen: Seen): FakeObject | undefined {
  const type = seen.headers['content-type'];
  if (type === 'application/merge-patch+json') return merge(object, seen.body) as FakeObject;
  // As far as it is used: each field at the top is one manager's.
  if (type === 'application/apply-patch+yaml') return merge(object, seen.body) as FakeObject;
  if (type === 'application/json-patch+json') return jsonPatch(object, seen.body as JsonOperation[]);
  return undefined;
}

function merge(target: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const base = typeof target === 'object' && target !== null && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

interface JsonOperation {
  readonly op: 'add' | 'replace' | 'remove' | 'test';
  readonly path: string;
  readonly value: unknown;
}

function jsonPatch(object: FakeObject, operations: readonly JsonOperation[]): FakeObject | undefined {
  const result = structuredClone(object);
  for (const { op, path, value } of operations) {
    const keys = path.split('/').slice(1);
    const last = keys.pop() ?? '';
    let parent: Record<string, unknown> | undefined = result;
    for (const key of keys) parent = parent?.[key] as Record<string, unknown> | undefined;
    if (!parent) return undefined;
    if (op === 'test' && JSON.stringify(parent[last]) !== JSON.stringify(value)) return undefined;
    if (op === 'remove') delete parent[last];
    else if (op !== 'test') parent[last] = value;
  }
  return result;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, message: string, headers?: Record<string, string>): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', code: status, message }));
}
