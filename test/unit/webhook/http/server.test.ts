// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { silentLogger } from '../../../../core/observe.ts';
import { createAdmissionDoor } from '../../../../webhook/admission/door.ts';
import { startWebhookServer } from '../../../../webhook/http/server.ts';
import { eventually } from '../../operator/eventually.ts';
import { harness, pinnedFor, podReview, SIGNED, UNSIGNED, verdictFor } from '../reviews.ts';
import { authority, handshake, running, runningDoors, serving, untilClosed } from '../serving.ts';
import { Caller } from '../../../../webhook/http/caller.ts';
import type { Arrival, Door } from '../../../../webhook/http/door.ts';
import type { ReviewHandler } from '../../../../webhook/admission/handler.ts';

const good = JSON.stringify(podReview([pinnedFor(SIGNED)]));

const never: ReviewHandler = () => Promise.reject(new Error('the handler was asked'));

describe('a request', () => {
  test('to mutate or validate is answered with its own review', async () => {
    const { post } = await running(harness().handle);
    for (const [path, image, allowed] of [
      ['/mutate', SIGNED, true],
      ['/validate', pinnedFor(SIGNED), true],
      ['/validate', SIGNED, false],
      ['/mutate?timeout=10s', UNSIGNED, false],
    ] as const) {
      const { status, text } = await post(path, JSON.stringify(podReview([image], { uid: path })));
      const answer = JSON.parse(text);
      assert.deepEqual([status, answer.response.uid, answer.response.allowed], [200, path, allowed]);
      assert.equal(answer.response.patchType, path === '/mutate' ? 'JSONPatch' : undefined);
    }
  });

  test('that is refused over HTTP never reaches the handler', async () => {
    const { post, server, agent } = await running(never, {
      bodyBytes: 10_000,
    });
    for (const [path, body, headers, status] of [
      ['/', good, {}, 404],
      ['/mutate/', good, {}, 404],
      ['/MUTATE', good, {}, 404],
      ['/metrics', good, {}, 404],
      ['/validate', good, { 'content-type': 'text/plain' }, 415],
      ['/validate', good, { 'content-type': 'application/jsonp' }, 415],
      ['/validate', good, { 'content-type': 'application/vnd.kubernetes.protobuf' }, 415],
      ['/validate', good, { 'content-encoding': 'gzip' }, 415],
      ['/validate', '', {}, 400],
      ['/validate', 'null,', {}, 400],
      ['/validate', good.slice(0, -1), {}, 400],
      ['/validate', `${good}x`, {}, 400],
      ['/validate', Buffer.from([0xff, 0xfe, 0x00]), {}, 400],
      ['/validate', 'x'.repeat(10_001), {}, 413],
    ] as const) {
      assert.equal((await post(path, body, headers)).status, status, `${path} ${JSON.stringify(headers)}`);
    }
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const answer = await request(`https://127.0.0.1:${server.port}/mutate`, { method, dispatcher: agent });
      await answer.body.dump();
      assert.deepEqual([answer.statusCode, answer.headers['allow']], [405, 'POST']);
    }
  });

  test('by who was not told the end of the path is refused, and the handler never hears of it', async () => {
    const asked: (string | undefined)[] = [];
    const callerBy = (token: string | undefined) => {
      asked.push(token);
      return token === 'abc123' ? 'known' : 'refused';
    };
    const refusing = await runningDoors([createAdmissionDoor(never)], { callerBy });
    for (const path of [
      '/mutate',
      '/validate',
      '/validate/',
      '/validate/abc',
      '/validate/ABC123',
      '/validate/abc123/',
    ]) {
      const { status } = await refusing.post(path, good);
      // What is no path at all is not asked about.
      assert.equal(status, /^\/(mutate|validate)(\/[0-9a-f]+)?$/.test(path) ? 403 : 404, path);
    }
    assert.deepEqual(asked, [undefined, undefined, 'abc']);
    const letting = await runningDoors([createAdmissionDoor(harness().handle)], { callerBy });
    assert.equal((await letting.post('/validate/abc123?timeout=10s', good)).status, 200);
  });

  test('that is JSON but no review gets 400 and an answer that refuses', async () => {
    const { post } = await running(harness().handle);
    for (const body of [
      '{}',
      '[]',
      '1',
      'null',
      '"a"',
      '{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
    ]) {
      const { status, text } = await post('/validate', body);
      assert.equal(status, 400);
      assert.equal(JSON.parse(text).response.allowed, false);
    }
  });

  test('whose handler fails gets 500, and the next one is served', async () => {
    const { post } = await running(() => Promise.reject(new Error('secret detail')));
    for (let count = 0; count < 2; count++) {
      const { status, text } = await post('/validate', good);
      assert.equal(status, 500);
      assert.doesNotMatch(text, /secret detail/);
    }
  });

  test('hands its timeout and the time it took to arrive to the handler', async () => {
    const arrivals: (Arrival | undefined)[] = [];
    const { handle } = harness();
    const { post, raw } = await running((endpoint, review, caller, arrival) => {
      arrivals.push(arrival);
      return handle(endpoint, review, caller);
    });
    await post('/validate?timeout=7s', good);
    await post('/validate?timeout=soon', good);
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write(
      `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ${good.length}\r\n\r\n`,
    );
    await new Promise((resolve) => setTimeout(resolve, 150));
    socket.write(good);
    assert.match(await closed, /^HTTP\/1\.1 200/);
    assert.equal(arrivals[0]?.timeoutMilliseconds, 7000);
    assert.equal(arrivals[1]?.timeoutMilliseconds, undefined);
    assert.ok((arrivals[2]?.elapsedMilliseconds ?? 0) >= 100);
  });
});

function doorAt(path: string, status: number): Door {
  return {
    endpoints: new Map([[path, { name: `at ${path}`, answer: async (body) => ({ status, json: { path, body } }) }]]),
  };
}

test('doors stand side by side: each answers at its own paths, in its own words', async () => {
  const counted: (readonly [string, number])[] = [];
  const { post, server } = await runningDoors([doorAt('/one', 200), doorAt('/two', 201)], {
    onAnswered: (name, status) => counted.push([name, status]),
  });
  assert.deepEqual(await post('/one', '[1]'), { status: 200, text: '{"path":"/one","body":[1]}' });
  assert.deepEqual(await post('/two', '[1]'), { status: 201, text: '{"path":"/two","body":[1]}' });
  assert.deepEqual(await post('/validate', '[1]'), { status: 404, text: 'only /one and /two are served' });
  await server.drain(0);
  assert.deepEqual(counted, [
    ['at /one', 200],
    ['at /two', 201],
  ]);
});

describe('hostile clients', () => {
  const head = 'POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';

  test('a body without end is cut off at the cap', async () => {
    const { raw } = await running(never, { bodyBytes: 100_000 });
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = `${(10_000).toString(16)}\r\n${' '.repeat(10_000)}\r\n`;
    let sent = 0;
    const timer = setInterval(() => {
      if (socket.writable) sent += 10_000;
      if (socket.writable) socket.write(chunk);
    }, 1);
    const text = await closed;
    clearInterval(timer);
    assert.match(text, /^HTTP\/1\.1 413/);
    assert.ok(sent < 5_000_000, `${sent} bytes were taken`);
  });

  test('a body that says it is too large is refused before it comes', async () => {
    const { raw } = await running(never);
    const socket = await raw();
    socket.write(`${head}Content-Length: 99999999999\r\n\r\n`);
    assert.match(await untilClosed(socket), /^HTTP\/1\.1 413/);
  });

  test('a body that is cut off is answered with nothing or 400', async () => {
    const { raw } = await running(never);
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.end(`${head}Content-Length: ${good.length}\r\n\r\n${good.slice(0, 50)}`);
    assert.match(await closed, /^$|^HTTP\/1\.1 400/);
  });

  for (const [what, start, limits] of [
    ['slow headers', head, { headersMilliseconds: 200, requestMilliseconds: 60_000 }],
    ['a slow body', `${head}Content-Length: 100\r\n\r\n{`, { headersMilliseconds: 200, requestMilliseconds: 300 }],
  ] as const) {
    test(`${what} end the connection`, async () => {
      const { raw } = await running(never, limits);
      const socket = await raw();
      const started = performance.now();
      socket.write(start);
      const drip = setInterval(() => socket.writable && socket.write('x'), 20);
      const text = await untilClosed(socket);
      clearInterval(drip);
      assert.match(text, /^HTTP\/1\.1 408/);
      // Without the limit it is a minute.
      assert.ok(performance.now() - started < 30_000);
    });
  }

  test('headers without end are refused', async () => {
    const { raw } = await running(never);
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write(`${head}X-Long: ${'x'.repeat(40_000)}\r\n\r\n`);
    assert.match(await closed, /^HTTP\/1\.1 431/);
  });

  test('what is no HTTP is answered with 400', async () => {
    const { raw } = await running(never);
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write('\u0016\u0003\u0001 nonsense\r\n\r\n');
    assert.match(await closed, /^HTTP\/1\.1 400/);
  });

  test('a body in thousands of pieces is refused by their number', async () => {
    const { raw } = await running(never);
    const socket = await raw();
    const closed = untilClosed(socket);
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n${'1\r\n \r\n'.repeat(3000)}`);
    assert.match(await closed, /^HTTP\/1\.1 413[^]*too many pieces/);
  });

  test('a request that comes before the last one was answered ends its connection, and nobody hears of it', async () => {
    let asked = 0;
    const { raw, post } = await running(() => {
      asked += 1;
      return asked === 1 ? new Promise(() => undefined) : harness().handle('validate', podReview([]), new Caller());
    });
    const socket = await raw();
    const closed = untilClosed(socket);
    const one = `${head}Content-Length: ${good.length}\r\n\r\n${good}`;
    socket.write(one);
    await eventually(() => asked === 1);
    socket.write(one.repeat(20));
    assert.equal(await closed, '');
    assert.equal(asked, 1);
    for (let count = 0; count < 2; count += 1) assert.equal((await post('/validate', good)).status, 200);
  });

  test('of a packet of requests on a new connection none is read', async () => {
    let routed = 0;
    const callerBy = () => {
      routed += 1;
      return 'refused' as const;
    };
    const { raw, post } = await runningDoors([createAdmissionDoor(never)], { callerBy });
    const ask = 'POST /validate HTTP/1.1\r\nHost: x\r\n\r\n';
    for (const [packet, read] of [
      [ask.repeat(600), 0],
      [`\r\n\r\n${ask.repeat(600)}`, 0],
      [ask.replaceAll('\r\n', '\n').repeat(600), 0],
      [ask.replace(/Host: x\r\n/, '').repeat(600), 0],
      [ask, 1],
    ] as const) {
      const socket = await raw();
      const closed = untilClosed(socket);
      socket.write(packet);
      await closed;
      assert.equal(routed, read, packet.slice(0, 40));
    }
    const socket = await raw();
    const closed = untilClosed(socket);
    for (const piece of ask.match(/[^]{1,7}/g) ?? []) {
      socket.write(piece);
      await delay(1);
    }
    assert.match(await closed, /^HTTP\/1\.1 403/);
    assert.equal((await post('/validate', good)).status, 403);
  });

  test('a connection that asks for nothing is told so in time, and does not hold up the end', async () => {
    const { raw } = await runningDoors([createAdmissionDoor(never)], { limits: { headersMilliseconds: 300 } });
    assert.match(await untilClosed(await raw()), /^HTTP\/1\.1 408/);
    const patient = await runningDoors([createAdmissionDoor(never)]);
    const closed = untilClosed(await patient.raw());
    await patient.server.drain(100_000);
    assert.match(await closed, /^$|^HTTP\/1\.1 408/);
  });

  test('requests that are refused are told of, and not each time', async () => {
    const told: unknown[] = [];
    const log = { ...silentLogger, warn: (...line: readonly unknown[]) => told.push(line) };
    const { post } = await runningDoors([createAdmissionDoor(never)], { log, callerBy: () => 'refused' });
    for (let count = 0; count < 3; count += 1) assert.equal((await post('/validate', good)).status, 403);
    const last = '403 only API servers are answered, from 127.0.0.1';
    assert.deepEqual(told, [['requests of strangers refused', { count: 1, last }]]);
  });

  test('what can not be read is told of with its reason, and not each time', async () => {
    const told: unknown[] = [];
    const log = { ...silentLogger, warn: (...line: readonly unknown[]) => told.push(line) };
    const { raw } = await runningDoors([], { log });
    for (const text of ['nonsense\r\n\r\n', `${head}X-Long: ${'x'.repeat(40_000)}\r\n\r\n`]) {
      const socket = await raw();
      const closed = untilClosed(socket);
      socket.write(text);
      await closed;
    }
    const reason = 'HPE_INVALID_METHOD from 127.0.0.1';
    assert.deepEqual(told, [['requests that could not be read', { count: 1, last: reason }]]);
  });

  test('a body that nests without end is refused before it is parsed', async () => {
    const { post } = await running(never);
    const { status, text } = await post('/validate', '['.repeat(1_000_000));
    assert.equal(status, 400);
    assert.match(text, /nests deeper/);
  });

  test('connections that are broken off leave the server serving', async () => {
    const { raw, post } = await running(harness().handle);
    for (let count = 0; count < 20; count++) {
      const socket = await raw();
      socket.write(`${head}Content-Length: 100\r\n\r\n{"a"`);
      socket.destroy();
    }
    assert.equal((await post('/validate', good)).status, 200);
  });
});

test('the decision is told when its caller has gone', async () => {
  const told = Promise.withResolvers<void>();
  const { raw } = await running((_endpoint, _review, { signal }) => {
    signal.addEventListener('abort', () => told.resolve());
    return new Promise(() => undefined);
  });
  const socket = await raw();
  socket.write(
    `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`,
  );
  setTimeout(() => socket.destroy(), 50);
  await told.promise;
});

describe('certificates', () => {
  test('are taken for new connections while open ones live on', async () => {
    const { server, raw, ca } = await running(harness().handle);
    const open = await raw();
    const next = await authority('next CA');
    server.setCertificate(await serving(next));
    await assert.rejects(handshake(server.port, ca));
    const fresh = await handshake(server.port, next.certificate);
    for (const socket of [open, fresh]) {
      const answered = new Promise<string>((resolve) =>
        socket.once('data', (data: Buffer) => resolve(data.toString())),
      );
      socket.write(
        `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`,
      );
      assert.match(await answered, /^HTTP\/1\.1 200/);
      socket.destroy();
    }
  });

  test('that are garbage are refused and the old one stays', async () => {
    const { server, raw } = await running(harness().handle);
    const one = await serving(await authority());
    const other = await serving(await authority());
    assert.throws(() => server.setCertificate({ cert: 'garbage', key: 'garbage' }));
    assert.throws(() => server.setCertificate({ cert: one.cert, key: other.key }));
    (await raw()).destroy();
  });

  test('that are garbage at start reject', async () => {
    const options = { listen: { host: '127.0.0.1', port: 0 }, doors: [], log: silentLogger };
    await assert.rejects(startWebhookServer({ ...options, tls: { cert: 'garbage', key: 'garbage' } }));
  });
});

test('a port that is taken rejects', async () => {
  const { server } = await running(harness().handle);
  const tls = await serving(await authority());
  const listen = { host: '127.0.0.1', port: server.port };
  await assert.rejects(startWebhookServer({ listen, tls, doors: [], log: silentLogger }), /EADDRINUSE/);
});

test('a server that retires takes new connections, and each answer is the last of its connection', async () => {
  const { server, raw } = await running(harness().handle);
  const ask = `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`;
  const kept = await raw();
  const answered = once(kept, 'data');
  kept.write(ask);
  assert.match(String(await answered), /^HTTP\/1\.1 200/);
  server.retire();
  for (const socket of [kept, await raw()]) {
    const closed = untilClosed(socket);
    socket.write(ask);
    assert.match(await closed, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/i);
  }
});

test('a server whose clients should go elsewhere ends each connection with its answer, for as long as that is so', async () => {
  let isLeaving = false;
  const { raw } = await running(harness().handle, {}, () => isLeaving);
  const ask = `POST /validate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${good.length}\r\n\r\n${good}`;
  const kept = await raw();
  const first = once(kept, 'data');
  kept.write(ask);
  assert.match(String(await first), /^HTTP\/1\.1 200/);
  isLeaving = true;
  const closed = untilClosed(kept);
  kept.write(ask);
  assert.match(await closed, /^HTTP\/1\.1 200 OK\r\n(?:.*\r\n)*connection: close\r\n/i);
  isLeaving = false;
  const later = await raw();
  const again = once(later, 'data');
  later.write(ask);
  assert.doesNotMatch(String(await again), /connection: close/i);
});

describe('drain', () => {
  test('answers what has arrived and takes no new connections', async () => {
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const { handle } = harness({
      decide: async ({ image }) => {
        started.resolve();
        await gate.promise;
        return verdictFor(image);
      },
    });
    const { server, post, ca } = await running(handle);
    const pending = post('/validate', good);
    await started.promise;
    const drained = server.drain(60_000);
    await assert.rejects(handshake(server.port, ca), /ECONNREFUSED/);
    gate.resolve();
    assert.equal((await pending).status, 200);
    const since = performance.now();
    await drained;
    assert.ok(performance.now() - since < 30_000, 'the kept connection held the server up');
  });

  test('cuts what is left when the grace is over', async () => {
    const { server, post } = await running(() => new Promise(() => undefined));
    const pending = post('/validate', good);
    const failed = assert.rejects(pending);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await server.drain(50);
    await failed;
  });
});
