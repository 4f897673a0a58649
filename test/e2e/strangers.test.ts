// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { admitted, install, openInstallation, tryPod, type Installation } from './installation.ts';
import { addressesOf } from './replica.ts';

const MIB = 2 ** 20;

/** Strangers come from other addresses than the API server, and from its own, as Pods in its node's network do. */
const FROM = ['127.0.0.1', '127.0.7.2', '127.0.7.3', '127.0.7.4', '127.0.7.5'];

describe('strangers who hold the ports', () => {
  let here: Installation;
  let webhooks: readonly URL[];
  let probes: readonly string[];
  const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);

  before(async () => {
    here = await openInstallation();
    await install(here, '--set=replicas=1');
    await own('rollout', 'status', 'deployment/cosignet', '--timeout=60s');
    const pods = (await own('get', 'pods', '--output=jsonpath={.items[*].metadata.name}')).split(' ');
    webhooks = await Promise.all(pods.map(async (pod) => new URL((await addressesOf(here, pod)).webhook)));
    probes = webhooks.map(({ hostname }) => `http://${hostname}:8081/healthz`);
  });
  after(() => here.close());

  test('keep no image out by bodies that they never finish', async () => {
    await during(held(fromEverywhere(webhooks, 2, halfSent)));
  });

  test('keep no image out by thousands of connections that say nothing, or once asked something', async () => {
    await during(held(fromEverywhere(webhooks, 430, idle)));
  });

  test('let the kubelet find every replica alive', async () => {
    const ports = webhooks.flatMap(({ hostname }) => [8080, 8081].map((port) => new URL(`http://${hostname}:${port}`)));
    await during(held(fromEverywhere(ports, 80, probing)));
    const restarts = await own('get', 'pods', '--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}');
    assert.match(restarts, /^[0 ]+$/);
  });

  /** While they are held, images are admitted or refused as ever, and every replica is alive. */
  async function during(holding: AsyncDisposable & { readonly settled: Promise<void> }): Promise<void> {
    await using _ = holding;
    await holding.settled;
    for (let round = 0; round < 6; round += 1) {
      await here.kubectl(...tryPod(here.images.signed));
      assert.match(await here.refused(...tryPod(here.images.unsigned)), /is not signed. Policy "default" requires/);
      for (const url of probes) assert.equal((await fetch(url, { signal: AbortSignal.timeout(5000) })).status, 200);
      await delay(300);
    }
    await admitted(here, here.images.bundled);
  }
});

type Open = (to: URL, from: string, index: number) => Socket;

/** So many connections to each, from each address. */
function fromEverywhere(targets: readonly URL[], count: number, open: Open): (() => Socket)[] {
  const indices = Array.from({ length: count }, (_, index) => index);
  return targets.flatMap((to) => FROM.flatMap((from) => indices.map((index) => () => open(to, from, index))));
}

/** Opens all of them, and again whichever is closed, a second later: handshakes are work for both sides. */
function held(openers: readonly (() => Socket)[]): AsyncDisposable & { readonly settled: Promise<void> } {
  const sockets = new Map<() => Socket, Socket>();
  let over = false;
  const keep = (open: () => Socket): void => {
    const socket = open();
    sockets.set(open, socket);
    socket.on('error', () => undefined).resume();
    socket.once('close', () => void delay(1000).then(() => over || keep(open)));
  };
  const openAll = async (): Promise<void> => {
    for (const [index, open] of openers.entries()) {
      keep(open);
      if (index % 50 === 49) await delay(50);
    }
    await delay(1000);
  };
  return {
    settled: openAll(),
    [Symbol.asyncDispose]: async () => {
      over = true;
      for (const socket of sockets.values()) socket.destroy();
    },
  };
}

function encrypted({ hostname: host, port }: URL, localAddress: string): Socket {
  // What it says is for anybody who listens: it is no client of ours.
  return connectTls({ socket: connectTcp({ host, port: Number(port), localAddress }), rejectUnauthorized: false });
}

const HEAD = 'POST /validate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';

/** All of the largest body but its end. */
function halfSent(url: URL, from: string): Socket {
  const socket = encrypted(url, from);
  socket.once('secureConnect', () => {
    socket.write(`${HEAD}content-length: ${8 * MIB}\r\n\r\n`);
    socket.write(Buffer.alloc(8 * MIB - 8, ' '));
  });
  return socket;
}

/** A review of one Pod, whose image is none: it is answered at once. */
const REVIEW = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'stranger',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    operation: 'CREATE',
    namespace: 'shop',
    dryRun: true,
    object: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'NO REFERENCE' }] } },
  },
});

/** Most say nothing at all, which costs them least; one in twenty is answered once. */
function idle(url: URL, localAddress: string, index: number): Socket {
  if (index % 20 > 0) return connectTcp({ host: url.hostname, port: Number(url.port), localAddress });
  const socket = encrypted(url, localAddress);
  socket.once('secureConnect', () => socket.write(`${HEAD}content-length: ${REVIEW.length}\r\n\r\n${REVIEW}`));
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
