// SPDX-License-Identifier: Apache-2.0
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { listen, stop } from './registry.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** What a registry in an attacker's hands, or one having a bad day, may answer. */
export const HOSTILITIES = {
  endlessBody(_request, response) {
    response.writeHead(200, { 'content-type': MANIFEST });
    pour(response, Buffer.alloc(64 * 1024, ' '));
  },
  announcedHugeBody(_request, response) {
    response.writeHead(200, { 'content-type': MANIFEST, 'content-length': String(2 ** 40) });
    response.write('{');
  },
  gzipBomb(_request, response) {
    const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024));
    response.writeHead(200, { 'content-type': MANIFEST, 'content-encoding': 'gzip' });
    response.end(bomb);
  },
  slowHeaders(_request, response) {
    // Headers that never end: one more every few milliseconds.
    response.socket?.write('HTTP/1.1 200 OK\r\n');
    drip(response, 'X-Slow: 1\r\n');
  },
  slowBody(_request, response) {
    response.writeHead(200, { 'content-type': MANIFEST, 'content-length': '100000' });
    drip(response, ' ');
  },
  silence() {},
  hugeHeaders(_request, response) {
    response.socket?.write('HTTP/1.1 200 OK\r\n');
    pour(response, Buffer.from(`X-Filler: ${'x'.repeat(8000)}\r\n`));
  },
  endlessErrorBody(_request, response) {
    response.writeHead(404, { 'content-type': 'text/plain' });
    pour(response, Buffer.alloc(64 * 1024, 'x'));
  },
  tinyPieces(_request, response) {
    response.socket?.write(`HTTP/1.1 200 OK\r\nContent-Type: ${MANIFEST}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    pour(response, Buffer.from('1\r\n \r\n'.repeat(10_000)));
  },
  endlessHints(_request, response) {
    pour(response, Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)));
  },
  truncatedBody(_request, response) {
    response.writeHead(200, { 'content-type': MANIFEST, 'content-length': '1000' });
    response.write('{"schemaVersion":2');
    setTimeout(() => response.socket?.destroy(), 10);
  },
  connectionReset(_request, response) {
    response.socket?.resetAndDestroy();
  },
  notHttp(_request, response) {
    response.socket?.end('220 smtp.example.com ESMTP\r\n');
  },
  wrongContentType(_request, response) {
    response.writeHead(200, { 'content-type': INDEX });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST }));
  },
  webPage(_request, response) {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end('<html><body>welcome</body></html>');
  },
  lyingDigest(_request, response) {
    response.writeHead(200, { 'content-type': MANIFEST, 'docker-content-digest': `sha256:${'a'.repeat(64)}` });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST }));
  },
  paginationLoop(request, response) {
    const { pathname } = new URL(request.url ?? '/', 'http://fake');
    page(response, `<${pathname}?page=1>; rel="next"`);
  },
  endlessPages(request, response) {
    const url = new URL(request.url ?? '/', 'http://fake');
    page(response, `<${url.pathname}?page=${Number(url.searchParams.get('page') ?? 0) + 1}>; rel="next"`);
  },
  missingPage(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    if (!searchParams.has('page')) return page(response, `<${pathname}?page=1>; rel="next"`);
    response.writeHead(404);
    response.end();
  },
  pageThatIsNone(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
    if (!searchParams.has('page')) return page(response, `<${pathname}?page=1>; rel="next"`);
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<html>');
  },
  pageElsewhere(_request, response) {
    page(response, '<http://169.254.169.254/latest/meta-data>; rel="next"');
  },
  redirectLoop(request, response) {
    redirect(response, request.url ?? '/');
  },
  redirectToMetadata(_request, response) {
    redirect(response, 'http://169.254.169.254/latest/meta-data/iam/security-credentials');
  },
  redirectToDecimalMetadata(_request, response) {
    redirect(response, 'http://2852039166/latest/meta-data');
  },
  redirectToFile(_request, response) {
    redirect(response, 'file:///etc/passwd');
  },
  redirectNowhere(_request, response) {
    response.writeHead(302);
    response.end();
  },
  realmOnMetadata(_request, response) {
    challenge(response, 'Bearer realm="http://169.254.169.254/token",service="x"');
  },
  realmOnMappedMetadata(_request, response) {
    challenge(response, 'Bearer realm="http://[::ffff:a9fe:a9fe]/token",service="x"');
  },
  realmWithUserinfo(_request, response) {
    challenge(response, 'Bearer realm="http://a:b@auth.example.com/token",service="x"');
  },
  rateLimited(_request, response) {
    response.writeHead(429, { 'retry-after': '17' });
    response.end();
  },
  unavailable(_request, response) {
    response.writeHead(503);
    response.end();
  },
  broken(_request, response) {
    response.writeHead(500);
    response.end();
  },
} satisfies Record<string, Answer>;

export type Hostility = keyof typeof HOSTILITIES;

export interface HostileRegistry {
  readonly host: string;
  /** Answers from now on. */
  become(hostility: Hostility): void;
  /** `METHOD path` of each request. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function startHostileRegistry(hostility: Hostility): Promise<HostileRegistry> {
  let current: Answer = HOSTILITIES[hostility];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    response.on('error', () => {});
    current(request, response);
  });
  const port = await listen(server);
  return {
    host: `127.0.0.1:${port}`,
    become: (next) => void (current = HOSTILITIES[next]),
    requests,
    close: () => stop(server),
  };
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(307, { location });
  response.end();
}

function challenge(response: ServerResponse, header: string): void {
  response.writeHead(401, { 'www-authenticate': header });
  response.end();
}

function page(response: ServerResponse, link: string): void {
  response.writeHead(200, { 'content-type': INDEX, link });
  response.end(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] }));
}

/** Writes as fast as the other side reads, until it hangs up. */
function pour(response: ServerResponse, chunk: Buffer): void {
  const { socket } = response;
  if (!socket) return;
  const target = response.headersSent ? response : socket;
  const more = () => {
    while (!socket.destroyed && target.write(chunk));
  };
  target.on('drain', more);
  more();
}

function drip(response: ServerResponse, text: string): void {
  const { socket } = response;
  const target = response.headersSent ? response : socket;
  const timer = setInterval(() => (socket?.destroyed ? clearInterval(timer) : target?.write(text)), 20);
}
