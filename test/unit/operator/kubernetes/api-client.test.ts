// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { apiPath, ApiError, createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';

const PATH = '/api/v1/namespaces';
const authorize = async () => ({ headers: { authorization: 'Bearer token-of-the-account' } });

describe('createKubeApi', () => {
  let server: FakeApiServer;

  beforeEach(async () => {
    server = await new FakeApiServer().start();
  });
  afterEach(() => server.stop());

  test("tells the server's status, message and Retry-After", async () => {
    server.fault = () => ({ status: 429, headers: { 'retry-after': '7' }, message: 'slow down' });
    const api = createKubeApi({ server: server.url, authorize });
    await assert.rejects(api.call({ path: PATH }), (thrown) => {
      assert.ok(thrown instanceof ApiError);
      assert.equal(thrown.status, 429);
      assert.equal(thrown.retryAfter, 7000);
      assert.match(thrown.message, /slow down/);
      return true;
    });
  });

  test('tells a web page of a portal before the API server, and quotes nothing of it', async () => {
    server.fault = () => ({ status: 200, headers: { 'content-type': 'text/html' }, message: 'sign in' });
    const api = createKubeApi({ server: server.url, authorize });
    const page = {
      name: 'ApiError',
      status: 0,
      message: `GET ${PATH}: the answer is a web page (text/html): a proxy or a sign-in page answers in its place`,
    };
    await assert.rejects(api.call({ path: PATH }), page);
    await assert.rejects(api.stream({ path: PATH }).next(), page);
  });

  test('does not follow a redirect, so the token stays with the API server', async () => {
    const elsewhere = await new FakeApiServer().start();
    try {
      server.fault = () => ({ status: 307, headers: { location: `${elsewhere.url}${PATH}` } });
      const api = createKubeApi({ server: server.url, authorize });
      await assert.rejects(api.call({ path: PATH }), ApiError);
      await assert.rejects(async () => {
        for await (const chunk of api.stream({ path: PATH })) assert.equal(chunk.length, 0);
      }, ApiError);
      assert.equal(elsewhere.seen.length, 0);
      assert.equal(server.seen[0]?.headers.authorization, 'Bearer token-of-the-account');
    } finally {
      await elsewhere.stop();
    }
  });

  test('keeps its deadline with a server that answers nothing', async () => {
    server.fault = () => 'hang';
    const api = createKubeApi({ server: server.url, authorize });
    const startedAt = performance.now();
    await assert.rejects(api.call({ path: PATH, timeout: 100 }), ApiError);
    // Without one of its own it is fifteen seconds.
    assert.ok(performance.now() - startedAt < 10_000);
  });

  test('keeps its deadline with a server that never ends the TLS handshake', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    try {
      const address = silent.address();
      assert.ok(address !== null && typeof address === 'object');
      const api = createKubeApi({ server: `https://127.0.0.1:${address.port}`, authorize });
      const startedAt = performance.now();
      await assert.rejects(api.call({ path: PATH, timeout: 100 }), /nothing heard within 100 ms/);
      assert.ok(performance.now() - startedAt < 10_000);
    } finally {
      silent.close();
    }
  });

  test('an abort ends a request at once', async () => {
    server.fault = () => 'hang';
    const api = createKubeApi({ server: server.url, authorize });
    const controller = new AbortController();
    const asked = api.call({ path: PATH, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(asked, ApiError);
    await assert.rejects(api.call({ path: PATH, signal: controller.signal }), ApiError);
  });
});

describe('apiPath', () => {
  test('keeps a name within its segment', () => {
    assert.equal(apiPath('/api/v1', 'namespaces', 'a/../../b?c#d'), '/api/v1/namespaces/a%2F..%2F..%2Fb%3Fc%23d');
    for (const name of ['', '.', '..']) assert.throws(() => apiPath('/api/v1', 'namespaces', name), ApiError);
  });
});
