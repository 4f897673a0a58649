// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server, type Socket } from 'node:net';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';

export interface PlainAnswer {
  readonly status: keyof typeof REASONS;
  readonly text: string;
  /** Left out: plain text. */
  readonly contentType?: string;
}

export interface OneRequestOptions {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** `path`: without a query. */
  readonly answer: (method: string, path: string) => Promise<PlainAnswer>;
  /** Who may hold a connection. */
  readonly connections: {
    open(socket: Socket): void;
    of(socket: Socket): { reach(stage: 'waiting' | 'answering'): void };
  };
  readonly log: Logger;
}

const REASONS = {
  200: 'OK',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;
const HEAD_BYTES = 8192;
const CONNECTION_MILLISECONDS = 5000;
const REQUEST_LINE = /^([A-Z]{1,16}) (\/[!-~]{0,1024}) HTTP\/1\.[01]$/;
const PLAIN = 'text/plain; charset=utf-8';

/**
 * HTTP for those who ask one thing at a time: of each connection one request is read, up to the end of its headers, and
 * nothing after it. A server that reads on takes thousands of them from one packet, and does the work of each; anybody
 * can send such packets here. Rejects if it cannot listen.
 */
export async function startOneRequestServer(
  options: OneRequestOptions,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    serve(socket, options);
  });
  await listening(server, options.listen);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server of probes has no port');
  return {
    port: address.port,
    async close() {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      for (const socket of open) socket.destroy();
      await closed.promise;
    },
  };
}

async function listening(server: Server, { host, port }: OneRequestOptions['listen']): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, host, resolve);
  await promise;
}

function serve(socket: Socket, { connections, answer, log }: OneRequestOptions): void {
  const end = setTimeout(() => socket.destroy(), CONNECTION_MILLISECONDS);
  socket.once('close', () => clearTimeout(end)).on('error', () => socket.destroy());
  connections.open(socket);
  let head = '';
  const isWhole = () => head.includes('\r\n\r\n');
  const answerHead = async (): Promise<void> => {
    connections.of(socket).reach('answering');
    const [, method = '', target = ''] = REQUEST_LINE.exec(isWhole() ? head.slice(0, head.indexOf('\r\n')) : '') ?? [];
    const [path = ''] = target.split('?', 1);
    const answered = path === '' ? UNREADABLE : await answer(method, path);
    socket.end(responseOf(answered, method));
  };
  const take = (chunk: Buffer): void => {
    head += chunk.toString('latin1', 0, HEAD_BYTES);
    if (!isWhole() && head.length < HEAD_BYTES) return;
    socket.off('data', take).resume();
    answerHead().catch((thrown: unknown) => {
      log.error('a probe failed', { error: errorText(thrown) });
      socket.end(responseOf({ status: 500, text: 'failed' }, 'GET'));
    });
  };
  // What ends before it asked for something is nobody.
  socket.on('data', take).once('end', () => isWhole() || socket.destroy());
}

const UNREADABLE: PlainAnswer = { status: 400, text: 'not a request' };

function responseOf({ status, text, contentType = PLAIN }: PlainAnswer, method: string): string {
  const head = [
    `HTTP/1.1 ${status} ${REASONS[status]}`,
    `content-type: ${contentType}`,
    `content-length: ${Buffer.byteLength(text)}`,
    'connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${method === 'HEAD' ? '' : text}`;
}
