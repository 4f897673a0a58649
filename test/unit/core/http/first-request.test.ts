// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { holdFirstRequests } from '../../../../core/http/first-request.ts';
import { exchange } from './exchange.ts';

function portOf(server: Server): number {
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

describe('holdFirstRequests', () => {
  let port: number;
  let asked: number;
  const server = createServer((_request, response) => {
    asked += 1;
    response.setHeader('connection', 'close');
    response.end('answer');
  });
  const firstRequests = holdFirstRequests(server, 'connection', { headerBytes: 1024, headersMilliseconds: 1000 });

  beforeEach(async () => {
    asked = 0;
    await once(server.listen(0, '127.0.0.1'), 'listening');
    port = portOf(server);
  });
  afterEach(async () => {
    const closed = once(server, 'close');
    server.close();
    firstRequests.close();
    server.closeAllConnections();
    await closed;
  });

  const ask = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';

  test('lets one request through, also in pieces', async () => {
    assert.match(await exchange(port, ask), /^HTTP\/1\.1 200 [^]*answer$/);
    assert.match(await exchange(port, ask.slice(0, 7), ask.slice(7, -2), ask.slice(-2)), /^HTTP\/1\.1 200 /);
    assert.equal(asked, 2);
  });

  test('closes a connection whose first packet has many, none of which is read', async () => {
    assert.equal(await exchange(port, ask.repeat(600)), '');
    assert.equal(await exchange(port, ask.slice(0, 7), ask.slice(7) + ask.repeat(600)), '');
    assert.equal(asked, 0);
  });

  test('closes a connection that asks for nothing in time, or only half', async () => {
    assert.equal(await exchange(port), '');
    assert.equal(await exchange(port, ask.slice(0, -2)), '');
    assert.equal(asked, 0);
  });

  test('leaves it to the server to refuse a head that does not end', async () => {
    assert.match(await exchange(port, `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`), /^HTTP\/1\.1 431 /);
    assert.equal(asked, 0);
  });
});

test('connections that have asked for nothing do not hold up the end', async () => {
  const server = createServer(() => assert.fail('nobody asked'));
  const firstRequests = holdFirstRequests(server, 'connection', { headerBytes: 1024, headersMilliseconds: 60_000 });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect(portOf(server), '127.0.0.1').on('error', () => undefined);
  await once(server, 'connection');
  const since = performance.now();
  const closed = once(server, 'close');
  server.close();
  firstRequests.close();
  await closed;
  assert.ok(performance.now() - since < 30_000);
  socket.destroy();
});
