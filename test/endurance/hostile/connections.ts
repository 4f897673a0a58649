// SPDX-License-Identifier: Apache-2.0
import { connect as connectTcp, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { Scene } from './party.ts';

/** Strangers come from other addresses than the API server, and from its own, as Pods in its node's network do. */
const FROM = ['127.0.0.1', '127.0.7.2', '127.0.7.3', '127.0.7.4'];
const IDLE = 550;
const HALF_SENT = 2;
const PROBES = 80;
const BODY_BYTES = 8 * 2 ** 20;
/** Milliseconds after which one that was closed comes again. */
const PATIENCE = 10_000;
const HEAD = 'POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

type Holding = Pick<Scene, 'targets' | 'signal' | 'count'>;
type Open = (to: URL, from: string, index: number) => Socket;

/** Whoever reaches the ports: holds connections, bodies that never end, and the port that the kubelet asks. */
export async function strangersWhoHold(around: Holding): Promise<void> {
  const { webhooks, probes } = around.targets;
  const openers = [
    ...fromEverywhere(webhooks, IDLE, idle),
    ...fromEverywhere(webhooks, HALF_SENT, halfSent),
    ...fromEverywhere(probes, PROBES, probing),
  ];
  const open = new Map<() => Socket, Socket>();
  for (const [index, opener] of openers.entries()) {
    keep(around, open, opener);
    if (index % 50 === 49) await delay(100);
    if (around.signal.aborted) break;
  }
  while (!around.signal.aborted) await delay(100);
  for (const socket of open.values()) socket.destroy();
}

function keep(around: Holding, open: Map<() => Socket, Socket>, opener: () => Socket): void {
  if (around.signal.aborted) return;
  const socket = opener();
  open.set(opener, socket);
  around.count('opened');
  socket.on('error', () => undefined).resume();
  socket.once('close', () => {
    around.count('closed by the other side');
    void delay(PATIENCE).then(() => keep(around, open, opener));
  });
}

/** So many connections to each, from each address. */
function fromEverywhere(targets: readonly string[], count: number, open: Open): (() => Socket)[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  return targets.flatMap((to) => FROM.flatMap((from) => indices.map((index) => () => open(new URL(to), from, index))));
}

function encrypted({ hostname: host, port }: URL, localAddress: string): Socket {
  // What it says is for anybody who listens: it is no client of ours.
  const socket = connectTcp({ host, port: Number(port), localAddress });
  socket.on('error', () => undefined);
  return connectTls({ socket, rejectUnauthorized: false });
}

/** All of the largest body but its end. */
function halfSent(url: URL, from: string): Socket {
  const socket = encrypted(url, from);
  socket.once('secureConnect', () => {
    socket.write(`${HEAD}content-length: ${BODY_BYTES}\r\n\r\n`);
    socket.write(Buffer.alloc(BODY_BYTES - 8, ' '));
  });
  return socket;
}

/** Most say nothing at all, which costs them least; one in twenty asks without the token. */
function idle(url: URL, localAddress: string, index: number): Socket {
  if (index % 20 > 0) return connectTcp({ host: url.hostname, port: Number(url.port), localAddress });
  const socket = encrypted(url, localAddress);
  socket.once('secureConnect', () => socket.write(`${HEAD}content-length: 2\r\n\r\n{}`));
  return socket;
}

/** Asks for what a kubelet asks, on a connection that it keeps. */
function probing({ hostname: host, port }: URL, localAddress: string): Socket {
  const socket = connectTcp({ host, port: Number(port), localAddress });
  const ask = (): boolean => socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');
  const timer = setInterval(ask, 3000);
  socket.once('connect', ask).once('close', () => clearInterval(timer));
  return socket;
}
