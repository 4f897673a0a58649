// SPDX-License-Identifier: Apache-2.0
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpFault } from './body.ts';
import type { Answer } from './door.ts';

/** `isLast`: the connection ends with it. */
export function sendAnswer(response: ServerResponse, { status, json }: Answer, isLast: boolean): void {
  const text = JSON.stringify(json);
  const bytes = Buffer.byteLength(text);
  const headers: OutgoingHttpHeaders = { 'content-type': 'application/json', 'content-length': bytes };
  if (isLast) headers.connection = 'close';
  response.writeHead(status, headers);
  // Head and body go out in one write; where each character is a byte, they are copied and not encoded.
  response.end(text, bytes === text.length ? 'latin1' : 'utf8');
}

/** Ends the connection: the rest of the request's body is not read. */
export function sendFault(response: ServerResponse, { status, message }: HttpFault): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(message),
    connection: 'close',
    ...(status === 405 && { allow: 'POST' }),
  });
  response.end(message);
}

const UNREADABLE_STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers what Node's parser would not read: broken, too long or too slow. `tell`: for the log. */
export function answerUnreadable(error: NodeJS.ErrnoException, socket: Socket, tell: (last: string) => void): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  tell(`${error.code ?? 'no code'} from ${socket.remoteAddress ?? 'one that has gone'}`);
  const status = UNREADABLE_STATUS[error.code ?? ''] ?? '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
