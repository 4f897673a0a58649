// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Whether a request came in turn; asked once for each, with what is to answer it. */
export type IsInTurn = (response: ServerResponse) => boolean;

/**
 * API servers send a request once the last one was answered. HTTP lets a client send any number before: then one
 * connection would be as many, and no count of them a bound.
 */
export function createRequestOrder(): IsInTurn {
  const last = new WeakMap<Socket, ServerResponse>();
  return (response) => {
    const { socket } = response.req;
    const before = last.get(socket);
    last.set(socket, response);
    return before === undefined || before.writableEnded;
  };
}
