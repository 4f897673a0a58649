// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { startOneRequestServer, type OneRequestServerOptions } from '../../../../operator/http/one-request-server.ts';
import { exchange } from '../../core/http/exchange.ts';

const ask = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

async function serving(context: TestContext, more: Partial<OneRequestServerOptions> = {}) {
  const server = await startOneRequestServer({
    listen: { host: '127.0.0.1', port: 0 },
    connectionMilliseconds: 60_000,
    onConnection: () => undefined,
    answer: (_request, response) => void response.end('answer'),
    ...more,
  });
  context.after(() => server.close());
  return server;
}

const largeOrNone: OneRequestServerOptions['answer'] = ({ url }, response) => {
  if (url === '/large') response.end(Buffer.alloc(64 * 1024 * 1024));
};

describe('startOneRequestServer', () => {
  test('answers a request, also of who sends no more behind it', async (context) => {
    const { port } = await serving(context);
    assert.match(await exchange(port, ask), /^HTTP\/1\.1 200 OK\r\nconnection: close\r\n[^]*answer$/i);
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true }).end(ask);
    assert.match(String(await once(socket, 'data')), /^HTTP\/1\.1 200 OK/);
    socket.destroy();
  });

  test('cuts off who asks again before the answer, and does not ask for it', async (context) => {
    let asked = 0;
    const { port } = await serving(context, { answer: () => void (asked += 1) });
    for (const parts of [[ask, ask], [ask + ask], [ask, ask.repeat(2000)]]) {
      asked = 0;
      assert.equal(await exchange(port, ...parts), '');
      assert.ok(asked <= 1);
    }
    const old = 'GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n';
    asked = 0;
    assert.equal(await exchange(port, old, old), '');
    assert.ok(asked <= 1);
  });

  test('ends every connection in time: idle, half asked, not answered, or whose answer is not read', async (context) => {
    const { port } = await serving(context, { connectionMilliseconds: 150, answer: largeOrNone });
    for (const text of ['', ask.slice(0, -2), ask, `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n`]) {
      assert.equal(await exchange(port, text), '');
    }
    const closed = Promise.withResolvers<void>();
    const { port: away } = await serving(context, {
      connectionMilliseconds: 150,
      answer: largeOrNone,
      onConnection: (taken) => taken.once('close', () => closed.resolve()),
    });
    const unread = connect({ host: '127.0.0.1', port: away }).on('error', () => undefined);
    unread.write(ask.replace('/ ', '/large '));
    await closed.promise;
    unread.destroy();
  });

  test('gives no more room than it says, to headers and to connections', async (context) => {
    const { port } = await serving(context, { maxConnections: 1 });
    assert.match(await exchange(port, `GET / HTTP/1.1\r\nx: ${'x'.repeat(9000)}\r\n\r\n`), /^HTTP\/1\.1 431 /);
    const held = connect({ host: '127.0.0.1', port });
    await once(held, 'connect');
    assert.equal(await exchange(port, ask), '');
    held.destroy();
  });

  test('closes while connections are silent, half asked and not answered', async () => {
    const server = await startOneRequestServer({
      listen: { host: '127.0.0.1', port: 0 },
      connectionMilliseconds: 60_000,
      onConnection: () => undefined,
      answer: () => undefined,
    });
    const said = ['', ask.slice(0, -2), ask].map((text) => exchange(server.port, text));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const since = performance.now();
    await server.close();
    // Those that are silent would end by themselves after five seconds.
    assert.ok(performance.now() - since < 4000);
    assert.deepEqual(await Promise.all(said), ['', '', '']);
  });
});
