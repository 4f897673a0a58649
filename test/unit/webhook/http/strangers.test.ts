// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { TLSSocket } from 'node:tls';
import { harness, pinnedFor, podReview, SIGNED } from '../reviews.ts';
import { handshake, running, runningDoors, untilClosed } from '../serving.ts';
import type { Door } from '../../../../webhook/http/door.ts';

/** Opens many connections in a thread of its own, and counts those that the system has taken. */
const OPENING = `
const { connect } = require('node:net');
const { port, count, taken } = require('node:worker_threads').workerData;
for (let index = 0; index < count; index += 1) {
  connect(port, '127.0.0.1', () => {
    Atomics.add(taken, 0, 1);
  }).on('error', () => undefined);
}`;

const good = JSON.stringify(podReview([pinnedFor(SIGNED)]));
const head = 'POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const whole = `${head}Content-Length: ${good.length}\r\n\r\n${good}`;

describe('connections of strangers', () => {
  test('make room for new ones: the one that was quiet for longest goes', async () => {
    const { raw, server, ca } = await running(harness().handle, { connections: 4 });
    const quiet = await raw();
    const served = [await raw(), await raw()];
    for (const socket of served) assert.match(await ask(socket), /^HTTP\/1\.1 200/);
    const closed = untilClosed(quiet);
    const others = [await handshake(server.port, ca), await handshake(server.port, ca)];
    await closed;
    for (const socket of [...served, ...others]) assert.match(await ask(socket), /^HTTP\/1\.1 200/);
  });

  test('of one address are bounded, which costs neither other addresses nor whom was proven', async () => {
    const { raw, rawFrom } = await running(harness().handle, { connections: 100, strangersOfSource: 3 });
    const proven = await raw();
    assert.match(await ask(proven), /^HTTP\/1\.1 200/);
    const other = await rawFrom('127.0.0.77');
    const first = await raw();
    const closed = untilClosed(first);
    for (let count = 0; count < 3; count += 1) await raw();
    assert.equal(await closed, '');
    for (const socket of [proven, other]) assert.match(await ask(socket), /^HTTP\/1\.1 200/);
  });

  test('that fill everything from many addresses leave room for each new one, and for the address that has fewest', async () => {
    const { raw, rawFrom } = await running(harness().handle, { connections: 20, strangersOfSource: 10 });
    const waiting = await raw();
    for (let count = 0; count < 60; count += 1) await rawFrom(`127.0.1.${(count % 3) + 1}`);
    for (const socket of [waiting, await raw()]) assert.match(await ask(socket), /^HTTP\/1\.1 200/);
  });

  test('that never finish their handshake are held to the same', async () => {
    const { raw, tcp } = await running(harness().handle, { connections: 5 });
    for (let count = 0; count < 20; count += 1) await tcp();
    assert.match(await ask(await raw()), /^HTTP\/1\.1 200/);
  });

  for (const [what, said] of [
    ['say nothing', ''],
    ['speak no TLS', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['begin a handshake and go no further', '\x16\x03\x01\x02\x00'],
  ] as const) {
    test(`that ${what} are closed in time, and not kept with an answer that nobody hears`, async () => {
      const { tcp } = await running(harness().handle, { headersMilliseconds: 200 });
      const socket = await tcp();
      const closed = once(socket.resume(), 'close');
      socket.write(said, 'latin1');
      await closed;
    });
  }

  test('that come in one go while this process is busy leave the system room for another', async () => {
    const { server } = await running(harness().handle);
    const taken = new Int32Array(new SharedArrayBuffer(8));
    const count = 1000;
    const worker = new Worker(OPENING, { eval: true, workerData: { port: server.port, count, taken } });
    const deadline = performance.now() + 20_000;
    // Nothing of this thread runs meanwhile, so that no connection is accepted: the second number is one that nobody changes.
    for (
      let now = 0;
      now < count && Atomics.wait(taken, 1, 0, 10) && performance.now() < deadline;
      now = Atomics.load(taken, 0)
    );
    assert.equal(Atomics.load(taken, 0), count);
    await worker.terminate();
  });

  test('give way last where their review is being answered', async () => {
    const gate = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    const { handle } = harness();
    const { raw } = await running(
      async (...call) => {
        asked.resolve();
        await gate.promise;
        return handle(...call);
      },
      { connections: 3, strangersOfSource: 3 },
    );
    const asking = await raw();
    const answer = ask(asking);
    await asked.promise;
    for (let count = 0; count < 10; count += 1) await raw();
    gate.resolve();
    assert.match(await answer, /^HTTP\/1\.1 200/);
  });

  test('are none from the first request on that comes by what only API servers are told', async () => {
    for (const caller of ['known', 'anybody'] as const) {
      const { raw } = await runningDoors([echo], { limits: { strangersOfSource: 1 }, callerBy: () => caller });
      const first = await raw();
      // The server says so once it has read the head, and before any of the body is there.
      first.write(`${head}Expect: 100-continue\r\nContent-Length: ${good.length}\r\n\r\n`);
      assert.match(String(await once(first, 'data')), /^HTTP\/1\.1 100/);
      const closed = untilClosed(first);
      await raw();
      first.write(good);
      if (caller === 'known') assert.match(String(await once(first, 'data')), /^HTTP\/1\.1 200/);
      else assert.doesNotMatch(await closed, /200/);
    }
  });
});

describe('bodies', () => {
  test('that stand still give way to one that comes, and what they held is free', async () => {
    const { raw, post } = await running(harness().handle, { heldBytes: 500_000, strangersOfSourceBytes: 500_000 });
    const held: Promise<string>[] = [];
    for (let count = 0; count < 4; count += 1) {
      const socket = await raw();
      held.push(untilClosed(socket));
      socket.write(`${head}Content-Length: 120000\r\n\r\n${' '.repeat(110_000)}`);
    }
    const large = JSON.stringify(podReview([pinnedFor(SIGNED)], { options: 'x'.repeat(100_000) }));
    await delay(300);
    for (let count = 0; count < 5; count += 1) assert.equal((await post('/validate', large)).status, 200);
    assert.match(await Promise.race(held), /^HTTP\/1\.1 503/);
  });

  test('that are too large together for all are refused', async () => {
    const { post } = await running(harness().handle, { heldBytes: 100_000 });
    const large = JSON.stringify(podReview([pinnedFor(SIGNED)], { options: 'x'.repeat(100_000) }));
    assert.equal((await post('/validate', large)).status, 503);
    assert.equal((await post('/validate', good)).status, 200);
  });

  test('that would be too much once they are parsed are refused before', async () => {
    const { post } = await running(harness().handle, { heldBytes: 300_000 });
    const dense = JSON.stringify({ items: Array.from({ length: 30_000 }, () => ({})) });
    assert.equal((await post('/validate', dense)).status, 503);
    assert.equal((await post('/validate', good)).status, 200);
  });

  test('that come more slowly than they may end with 408, however long they would go on', async () => {
    const { raw } = await running(harness().handle, { progress: { bytes: 1000, milliseconds: 200 } });
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write(`${head}Content-Length: 1000000\r\n\r\n${' '.repeat(10_000)}`);
    const drip = setInterval(() => socket.writable && socket.write(' '), 20);
    const text = await closed;
    clearInterval(drip);
    // Not for the time that the whole request may take.
    assert.match(text, /^HTTP\/1\.1 408[^]*the body comes too slowly/);
  });

  test('of API servers may come slowly, as long as the request may take', async () => {
    const limits = { progress: { bytes: 1000, milliseconds: 50 } };
    const { raw } = await runningDoors([echo], { limits, callerBy: () => 'known' });
    const socket = await raw();
    const answered = once(socket, 'data');
    socket.write(`${head}Content-Length: ${good.length}\r\n\r\n${good.slice(0, 1)}`);
    await delay(500);
    socket.write(good.slice(1));
    assert.match(String(await answered), /^HTTP\/1\.1 200/);
  });

  test('that come steadily are read to their end', async () => {
    const { raw } = await running(harness().handle, { progress: { bytes: 50, milliseconds: 1000 } });
    const socket = await raw();
    const answered = once(socket, 'data');
    socket.write(`${head}Content-Length: ${good.length + 2000}\r\n\r\n`);
    for (let count = 0; count < 20; count += 1) {
      socket.write(' '.repeat(100));
      await delay(100);
    }
    socket.write(good);
    assert.match(String(await answered), /^HTTP\/1\.1 200/);
  });
});

const echo: Door = {
  endpoints: new Map([['/validate', { name: 'echo', answer: async () => ({ status: 200, json: {} }) }]]),
};

async function ask(socket: TLSSocket): Promise<string> {
  const answered = once(socket, 'data');
  socket.write(whole);
  return String(await answered);
}
