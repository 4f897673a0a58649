// SPDX-License-Identifier: Apache-2.0
import type { Server, Socket } from 'node:net';

export interface FirstRequestLimits {
  readonly headerBytes: number;
  readonly headersMilliseconds: number;
}

/** Connections that have not spoken HTTP yet. */
export interface FirstRequests {
  /** Closes them; those whose TLS handshake ends only now have a second to ask. */
  close(): void;
}

const END_OF_HEAD = '\r\n\r\n';
/** That of a request, and of a body that comes in chunks. JSON has none, as its lines end otherwise. */
const MOST_ENDS = 2;
const LAST_MILLISECONDS = 1000;

/**
 * Hands a connection to an HTTP server of Node only once the head of its first request is there, with no further requests
 * behind it. Node's parser takes all requests of a packet before anything is done about the first: 600 of them, from a
 * client who is refused, cost twenty times what a TLS handshake does. To be called before anybody else listens for
 * `event`, which is the server's own event of a connection that can speak HTTP. What comes after the first request is the
 * server's own affair.
 */
// oxlint-disable-next-line max-params -- a server and its event
export function holdFirstRequests(
  server: Server,
  event: 'connection' | 'secureConnection',
  limits: FirstRequestLimits,
): FirstRequests {
  const silent = new Set<Socket>();
  let patience = limits.headersMilliseconds;
  const speakHttp = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    silent.add(socket);
    const timer = setTimeout(() => {
      leave();
      const late = Object.assign(new Error('no request came'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
      if (!server.emit('clientError', late, socket)) socket.destroy();
    }, patience);
    const gone = (): void => void socket.destroy();
    const leave = (): void => {
      clearTimeout(timer);
      silent.delete(socket);
      socket.off('readable', look).off('end', gone).off('error', gone).off('close', leave);
    };
    let held = Buffer.alloc(0);
    const look = (): void => {
      // All that has come: what is left behind would be parsed unseen.
      for (let chunk = read(socket); chunk; chunk = read(socket)) held = Buffer.concat([held, chunk]);
      const ends = countOf(held, END_OF_HEAD);
      if (ends > MOST_ENDS) return gone();
      // What is too long for a head is told so by the parser.
      if (ends === 0 && held.length < limits.headerBytes) return;
      leave();
      socket.unshift(held);
      for (const speak of speakHttp) speak.call(server, socket);
      socket.resume();
    };
    socket.on('readable', look).on('end', gone).on('error', gone).on('close', leave);
  });
  return {
    close: () => {
      patience = Math.min(patience, LAST_MILLISECONDS);
      for (const socket of silent) socket.destroy();
    },
  };
}

function read(socket: Socket): Buffer | undefined {
  const chunk: unknown = socket.read();
  return chunk instanceof Buffer ? chunk : undefined;
}

function countOf(bytes: Buffer, text: string): number {
  let count = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) count += 1;
  return count;
}
