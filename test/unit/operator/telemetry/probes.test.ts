// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { exchange } from '../../core/http/exchange.ts';
import { eventually } from '../eventually.ts';
import { createMetrics } from '../../../../operator/telemetry/metrics.ts';
import { createConnections } from '../../../../webhook/http/connections.ts';
import { startProbes, type Probes } from '../../../../operator/telemetry/probes.ts';

describe('startProbes', () => {
  let probes: Probes;
  let notInForce: readonly string[];
  let reasons: string[];
  let fails: boolean;

  beforeEach(async () => {
    reasons = [];
    fails = false;
    notInForce = ['not reached'];
    const metrics = createMetrics();
    metrics.engine.decided({ code: 'Verified', outcome: 'allowed', mode: 'Enforce' }, 0.2);
    metrics.queue.queueDepth('policy-status', 3);
    metrics.answered({ endpoint: 'mutate', status: 200 });
    metrics.reviewed({ endpoint: 'mutate', result: 'allowed' }, 0.01);
    metrics.observe({
      policies: () => 7,
      policiesNotReady: () => 1,
      policiesEnding: () => ({ expiring: 2, expired: 3 }),
      storeAge: () => 2,
      certificateExpiry: () => undefined,
      isLeader: () => true,
      armed: () => false,
    });
    probes = await startProbes({
      listen: { host: '127.0.0.1', port: 0 },
      notReady: () => reasons,
      notInForce: () => {
        if (fails) throw new Error('a bug');
        return notInForce;
      },
      metrics: () => metrics.render(),
      connections: createConnections({ connections: 256, strangersOfSource: 64 }, () => undefined),
      log: silentLogger,
    });
  });
  afterEach(() => probes.close());

  const get = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${probes.port}${path}`, { method });

  test('is alive whatever readiness says, and tells why it is not ready', async () => {
    assert.equal((await get('/readyz')).status, 200);
    reasons = ['policies were not listed yet', 'no certificate'];
    const answer = await get('/readyz');
    assert.equal(answer.status, 503);
    assert.equal(await answer.text(), 'policies were not listed yet\nno certificate');
    assert.equal((await get('/healthz')).status, 200);
  });

  test('tells whether API servers ask about every Pod, apart from readiness', async () => {
    assert.equal((await get('/armed')).status, 503);
    assert.equal(await (await get('/armed')).text(), 'not reached');
    notInForce = [];
    assert.equal((await get('/armed')).status, 200);
  });

  test('answers a new connection while others hold all that there are', async () => {
    const held: Socket[] = [];
    for (let count = 0; count < 300; count += 1) {
      const socket = connect({ host: '127.0.0.1', port: probes.port, localAddress: `127.0.0.${(count % 8) + 2}` });
      held.push(socket);
      socket.on('error', () => undefined).resume();
      await once(socket, 'connect');
      // All but the first speak, and keep what they have.
      if (count > 0) socket.write('GET /livez HTTP/1.1\r\nhost: x\r\n\r\n');
    }
    for (let count = 0; count < 5; count += 1) assert.equal((await get('/healthz')).status, 200);
    // Those that had to give way for the last ones.
    await eventually(() => held.filter(({ closed }) => closed).length >= 300 - 256);
    for (const socket of held) socket.destroy();
  });

  test('serves no metrics where only probes are asked for', async () => {
    const connections = createConnections({ connections: 4, strangersOfSource: 4 }, () => undefined);
    const listen = { host: '127.0.0.1', port: 0 };
    const alone = await startProbes({
      listen,
      notReady: () => [],
      notInForce: () => [],
      connections,
      log: silentLogger,
    });
    const statuses = ['/healthz', '/readyz', '/metrics'].map(
      async (path) => (await fetch(`http://127.0.0.1:${alone.port}${path}`)).status,
    );
    assert.deepEqual(await Promise.all(statuses), [200, 200, 404]);
    await alone.close();
  });

  test('makes nothing for who sends many requests at once', async () => {
    let rendered = 0;
    const connections = createConnections({ connections: 4, strangersOfSource: 4 }, () => undefined);
    const counting = await startProbes({
      listen: { host: '127.0.0.1', port: 0 },
      notReady: () => [],
      notInForce: () => [],
      metrics: async () => ({ contentType: 'text/plain', text: `${(rendered += 1)}` }),
      connections,
      log: silentLogger,
    });
    try {
      const ask = 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n';
      assert.equal(await exchange(counting.port, ask.repeat(2000)), '');
      assert.equal(rendered, 0);
      assert.match(await exchange(counting.port, ask), /^HTTP\/1\.1 200 OK\r\n[^]*connection: close\r\n[^]*\r\n\r\n1$/);
    } finally {
      await counting.close();
    }
  });

  test('gives up no connection that is being answered for a new one', async () => {
    const metrics = Promise.withResolvers<{ contentType: string; text: string }>();
    const asked = Promise.withResolvers<void>();
    const full = await startProbes({
      listen: { host: '127.0.0.1', port: 0 },
      notReady: () => [],
      notInForce: () => [],
      metrics: () => {
        asked.resolve();
        return metrics.promise;
      },
      connections: createConnections({ connections: 1, strangersOfSource: 1 }, () => undefined),
      log: silentLogger,
    });
    try {
      const first = exchange(full.port, 'GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n');
      await asked.promise;
      assert.equal(await exchange(full.port, 'GET /livez HTTP/1.1\r\nhost: x\r\n\r\n'), '');
      metrics.resolve({ contentType: 'text/plain', text: 'all' });
      assert.match(await first, /^HTTP\/1\.1 200 OK\r\n[^]*all$/);
    } finally {
      await full.close();
    }
  });

  test('refuses what is no request, or does not end, and goes on', async () => {
    for (const text of ['GET\r\n\r\n', 'GET readyz HTTP/1.1\r\n\r\n', 'GET /readyz HTTP/2\r\n\r\n']) {
      assert.match(await exchange(probes.port, text), /^HTTP\/1\.1 400 /, text.slice(0, 40));
    }
    const long = `GET /readyz HTTP/1.1\r\nx: ${'x'.repeat(9000)}\r\n\r\n`;
    assert.match(await exchange(probes.port, long), /^HTTP\/1\.1 431 /);
    assert.match(await exchange(probes.port, 'HEAD /readyz?verbose HTTP/1.0\r\n\r\n'), /200 OK\r\n[^]*\r\n\r\n$/);
  });

  test('tells of a failure with 500', async () => {
    fails = true;
    assert.equal((await get('/armed')).status, 500);
    assert.equal((await get('/healthz')).status, 200);
  });

  test('answers only what it knows', async () => {
    assert.equal((await get('/')).status, 404);
    assert.equal((await get('/metrics/../debug')).status, 404);
    assert.equal((await get('/readyz', 'POST')).status, 405);
  });

  test('shows the metrics that dashboards and alerts name', async () => {
    const text = await (await get('/metrics')).text();
    for (const line of [
      'cosignet_verdicts_total{code="Verified",outcome="allowed",mode="Enforce"} 1',
      'workqueue_depth{name="policy-status"} 3',
      'controller_runtime_webhook_requests_total{webhook="/mutate",code="200"} 1',
      'cosignet_policy_store_policies 7',
      'cosignet_policy_store_age_seconds 2',
      'leader_election_master_status{name="cosignet"} 1',
    ]) {
      assert.ok(text.includes(line), line);
    }
    assert.match(text, /^cosignet_certificate_expiry_seconds nan$/im);
  });
});
