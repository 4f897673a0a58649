// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { FakeAuthority } from './registry-auth.ts';
import type { FakeAuth } from './registry-auth.ts';
import { RegistryContent } from './registry-content.ts';

/** How the registry behaves; every field may be changed while it runs. */
export interface FakeBehaviour {
  /** False: 404 as distribution answers. A number: entries a page. */
  referrersApi: boolean | number;
  /** Blob requests are redirected here (an origin), as object stores are used. */
  blobRedirect?: string | undefined;
  /** HEAD and GET of manifests carry Docker-Content-Digest. */
  digestHeader: boolean;
  delayMilliseconds: number;
  /** Sees each request first; true: it has answered. */
  intercept?: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

export interface LoggedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly authorization?: string;
  readonly headers: IncomingMessage['headers'];
}

export interface FakeRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly port: number;
  readonly origin: string;
  readonly content: RegistryContent;
  readonly behaviour: FakeBehaviour;
  readonly authority: FakeAuthority;
  /** All requests since the start or the last `forget()`. */
  readonly requests: readonly LoggedRequest[];
  /** `GET /v2/app/manifests/1.0`, one a request. */
  lines(): readonly string[];
  forget(): void;
  close(): Promise<void>;
}

export interface FakeRegistryOptions extends Partial<FakeBehaviour> {
  readonly auth?: FakeAuth;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Shared between servers, for mirrors and object stores. */
  readonly content?: RegistryContent;
}

/** An OCI registry that speaks HTTP as the distribution-spec says, pull side only. */
export async function startFakeRegistry(options: FakeRegistryOptions = {}): Promise<FakeRegistry> {
  const { auth, tls, content = new RegistryContent(), ...behaviour } = options;
  const requests: LoggedRequest[] = [];
  const state: State = {
    content,
    authority: new FakeAuthority(auth),
    behaviour: { referrersApi: false, digestHeader: true, delayMilliseconds: 0, ...behaviour },
    origin: '',
  };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    const { authorization } = headers;
    requests.push({ method, path: url, headers, ...(authorization === undefined ? {} : { authorization }) });
    serve(state, request, response).catch((error: unknown) => response.destroy(new Error(String(error))));
  };
  const server = tls ? createTlsServer({ ...tls }, handle) : createServer(handle);
  const port = await listen(server);
  state.origin = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  return {
    host: `127.0.0.1:${port}`,
    port,
    origin: state.origin,
    content,
    behaviour: state.behaviour,
    authority: state.authority,
    requests,
    lines: () => requests.map(({ method, path }) => `${method} ${path}`),
    forget: () => void requests.splice(0),
    close: () => stop(server),
  };
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return address.port;
}

export function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

interface State {
  readonly content: RegistryContent;
  readonly authority: FakeAuthority;
  readonly behaviour: FakeBehaviour;
  origin: string;
}

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { behaviour } = state;
  if (behaviour.delayMilliseconds > 0) await wait(behaviour.delayMilliseconds);
  if (behaviour.intercept?.(request, response)) return;
  const url = new URL(request.url ?? '/', state.origin);
  if (url.pathname === '/token') return state.authority.serveToken(request, response, url.searchParams);
  // What a redirect named is not asked for credentials again; its URL is the secret.
  if (url.pathname.startsWith('/cdn/')) return serveStored(state, response, url.pathname.slice('/cdn/'.length));
  const match = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/]+)$/.exec(url.pathname);
  const [, repository = '', kind = '', reference = ''] = match ?? [];
  if (!match) return refuse(response, 404, 'UNSUPPORTED');
  if (!state.authority.admits(request, response, state.origin, repository)) return;
  if (kind === 'manifests') return serveManifest(state, request, response, { repository, reference });
  if (kind === 'referrers') return serveReferrers(state, response, url, { repository, reference });
  if (behaviour.blobRedirect !== undefined) {
    response.writeHead(307, { location: `${behaviour.blobRedirect}/cdn/${repository}@${reference}?signature=secret` });
    response.end();
    return;
  }
  serveStored(state, response, `${repository}@${reference}`);
}

interface Target {
  readonly repository: string;
  readonly reference: string;
}

function serveManifest(state: State, request: IncomingMessage, response: ServerResponse, target: Target): void {
  const manifest = state.content.manifest(target.repository, target.reference);
  // As distribution does it: a type that the client did not list is not there for him.
  const accepted = request.headers.accept?.includes(manifest?.mediaType ?? '');
  if (!manifest || !accepted) return refuse(response, 404, 'MANIFEST_UNKNOWN');
  if (state.behaviour.digestHeader) response.setHeader('docker-content-digest', manifest.digest);
  response.writeHead(200, { 'content-type': manifest.mediaType, 'content-length': manifest.bytes.length });
  response.end(request.method === 'HEAD' ? undefined : manifest.bytes);
}

function serveStored(state: State, response: ServerResponse, name: string): void {
  const [repository = '', digest = ''] = name.split('@');
  const bytes = state.content.blob(repository, digest);
  if (!bytes) return refuse(response, 404, 'BLOB_UNKNOWN');
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length });
  response.end(bytes);
}

function serveReferrers(state: State, response: ServerResponse, url: URL, target: Target): void {
  const { referrersApi } = state.behaviour;
  if (referrersApi === false) return refuse(response, 404, 'NOT_FOUND');
  const all = state.content.referrers(target.repository, target.reference);
  const size = referrersApi === true ? Math.max(all.length, 1) : referrersApi;
  const start = Number(url.searchParams.get('start') ?? 0);
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  if (start + size < all.length) response.setHeader('link', `<${url.pathname}?start=${start + size}>; rel="next"`);
  response.writeHead(200, { 'content-type': mediaType });
  response.end(JSON.stringify({ schemaVersion: 2, mediaType, manifests: all.slice(start, start + size) }));
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message: code.toLowerCase() }] }));
}
