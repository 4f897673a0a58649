// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below the ports that kernels give to connections, so that no connection takes one between its choice and its use. */
const [LOWEST, HIGHEST] = [11_000, 32_000];
/** Held on an address of its network by whoever uses it. */
const CLAIM_PORT = 10_999;
/** Second octets of the networks that may be claimed, and how many. */
const [FIRST_OCTET, OCTETS] = [64, 64];

/** A TCP port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    const server = await listen(port, '127.0.0.1');
    if (server === undefined) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

export interface LoopbackNetwork {
  /** 64 to 127: the network is `127.<octet>.0.0/16`, and nobody else's is that or `127.<octet + 64>.0.0/16`. */
  readonly octet: number;
  release(): void;
}

/** Claims a network until it is released or this process ends. Fails where all are taken. */
export async function claimNetwork(): Promise<LoopbackNetwork> {
  const first = randomInt(OCTETS);
  for (let step = 0; step < OCTETS; step += 1) {
    const octet = FIRST_OCTET + ((first + step) % OCTETS);
    const server = await listen(CLAIM_PORT, `127.${octet}.255.254`);
    if (server === undefined) continue;
    server.unref();
    return { octet, release: () => void server.close() };
  }
  throw new Error(`all ${OCTETS} loopback networks are in use`);
}

/** Undefined where somebody listens there already. */
async function listen(port: number, host: string): Promise<Server | undefined> {
  const server = createServer();
  try {
    server.listen({ port, host, exclusive: true });
    await once(server, 'listening');
    return server;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE') return undefined;
    throw thrown;
  }
}
