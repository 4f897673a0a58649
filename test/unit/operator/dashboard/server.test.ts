// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { CONTENT_POLICY } from '../../../../core/page/page.ts';
import { silentLogger } from '../../../../core/observe.ts';
import { startDashboardServer, type DashboardServer } from '../../../../operator/dashboard/server.ts';

const status = (answer: string) => Number(answer.slice('HTTP/1.1 '.length, 12));

describe("the dashboard's listener", () => {
  let server: DashboardServer;
  let made: number;
  let page: () => Uint8Array;

  const start = async (limits = {}) => {
    server = await startDashboardServer({ port: 0, page: () => page(), log: silentLogger, limits });
  };
  beforeEach(async () => {
    made = 0;
    page = () => Buffer.from(`page ${(made += 1)}`);
    await start();
  });
  afterEach(() => server.close());

  /** What comes back until the other end closes; empty where it says nothing. */
  async function exchange(request: string, localAddress = '127.0.0.1', host = '127.0.0.1'): Promise<string> {
    const socket = connect({ host, port: server.port, localAddress });
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => undefined).on('connect', () => socket.write(request));
    await new Promise((resolve) => socket.on('close', resolve));
    return text;
  }
  const get = (host: string, line = 'GET / HTTP/1.1') => exchange(`${line}\r\n${host}\r\n\r\n`);

  test('shows the page, to be kept, framed, sniffed and passed on by nobody', async () => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/`);
    assert.equal(answer.status, 200);
    assert.equal(await answer.text(), 'page 1');
    const headers = Object.fromEntries(answer.headers);
    delete headers['date'];
    assert.deepEqual(headers, {
      'cache-control': 'no-store',
      connection: 'close',
      'content-length': '6',
      'content-security-policy': `${CONTENT_POLICY}; frame-ancestors 'none'`,
      'content-type': 'text/html; charset=utf-8',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
  });

  test('gives HEAD the same without the page', async () => {
    const answer = await get('host: localhost', 'HEAD / HTTP/1.1');
    assert.equal(status(answer), 200);
    assert.match(answer, /content-length: 6\r\n/i);
    assert.ok(!answer.includes('page'));
  });

  for (const host of ['localhost', 'LOCALHOST:8090', '127.0.0.1', '127.0.0.1:41234', '[::1]:80']) {
    test(`answers who asks for ${host}`, async () => {
      assert.equal(status(await get(`host: ${host}`)), 200);
    });
  }

  for (const host of [
    'evil.example',
    'localhost.evil.example',
    'evil.example:80#localhost',
    '127.0.0.1.evil.example:8090',
    '127.0.0.1:8090:1',
    '[::1]evil.example',
    'localhost, evil.example',
    '10.0.0.1',
    '',
  ]) {
    test(`refuses who asks for "${host}": a name that leads here by DNS reads nothing`, async () => {
      const answer = await get(`host: ${host}`);
      assert.ok([400, 403].includes(status(answer)), answer);
      assert.equal(made, 0);
    });
  }

  test('refuses two hosts, of which one is ours', async () => {
    for (const hosts of ['host: localhost\r\nhost: evil.example', 'host: evil.example\r\nhost: localhost']) {
      assert.equal(status(await get(hosts)), 403);
    }
    assert.equal(made, 0);
  });

  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    test(`takes no ${method}, and allows no other page to send one`, async () => {
      const answer = await get('host: localhost\r\norigin: http://evil.example', `${method} / HTTP/1.1`);
      assert.equal(status(answer), 405);
      assert.doesNotMatch(answer, /access-control/i);
      assert.equal(made, 0);
    });
  }

  test('takes in nothing, and has one page', async () => {
    assert.equal(status(await get('host: localhost\r\ncontent-length: 5')), 400);
    assert.equal(status(await get('host: localhost\r\ntransfer-encoding: chunked')), 400);
    for (const path of ['/?a', '/metrics', '//', '/../', 'http://evil.example/']) {
      assert.equal(status(await get('host: localhost', `GET ${path} HTTP/1.1`)), 404, path);
    }
    assert.equal(made, 0);
  });

  test('listens on 127.0.0.1 and on no other address', async () => {
    assert.equal(await exchange('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n', '127.0.0.1', '127.0.0.2'), '');
  });

  test("says nothing to what a mesh's proxy passes on", async () => {
    assert.equal(await exchange('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n', '127.0.0.6'), '');
    assert.equal(made, 0);
  });

  test('gives no more headers room than a browser needs', async () => {
    assert.equal(status(await get(`host: localhost\r\nx: ${'x'.repeat(9000)}`)), 431);
  });

  test('has so many connections and no more', async () => {
    await server.close();
    await start({ connections: 1 });
    const held = connect({ host: '127.0.0.1', port: server.port }).on('error', () => undefined);
    await once(held, 'connect');
    assert.equal(await get('host: localhost'), '');
    held.destroy();
  });

  test('ends a connection in time, whatever happens on it', async () => {
    await server.close();
    await start({ connectionMilliseconds: 20 });
    assert.equal(await exchange('GET / HTTP/1.1\r\n'), '');
  });

  test('says that a page could not be made, and not why', async () => {
    page = () => {
      throw new Error('a secret of the inside');
    };
    const answer = await get('host: localhost');
    assert.equal(status(answer), 500);
    assert.ok(!answer.includes('secret'));
  });
});
