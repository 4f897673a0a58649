// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { createBackgroundScan, type BackgroundScan } from '../../../../operator/scan/background-scan.ts';
import { createEffects } from '../../../../operator/scan/effects.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { anonymous, compiled, publicKeyPem, startEngine, type TestEngine } from '../../../fakes/engine.ts';
import { eventually } from '../eventually.ts';

const PODS = '/api/v1/pods';

/** One story: a real engine, a registry that speaks HTTP, an API server that speaks HTTP. */
describe('the background scan', () => {
  let server: FakeApiServer;
  let engine: TestEngine;
  let scan: BackgroundScan;
  const effects = createEffects(() => engine.time.now);
  const ready = Promise.withResolvers<void>();
  const affected: (readonly string[])[] = [];

  before(async () => {
    server = await new FakeApiServer().start();
    // A page of one: the list is longer than what one answer holds.
    server.page = 1;
    engine = await startEngine();
    const { host } = engine.registry;
    engine.store.set(
      compiled('demo', { images: [`${host}/demo/**`], mode: 'Audit', keys: [{ pem: publicKeyPem('release') }] }),
    );
    for (const name of ['signed', 'unsigned', 'bundle']) run('shop', name);
    run('cosignet', 'unsigned');
    scan = createBackgroundScan({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      namespace: 'cosignet',
      name: 'cosignet',
      configuration: () => engine.configuration,
      policies: () => engine.store.snapshot(),
      namespaces: { context: async (name) => ({ name, labels: {} }) },
      keychainFor: () => anonymous,
      decide: ({ image }) => engine.decide(image),
      isLeader: () => true,
      ready: ready.promise,
      effects,
      onAffected: (names) => affected.push(names),
      log: silentLogger,
      monotonic: () => performance.now(),
      clock: Date.now,
      timings: { rescan: { settle: 1, pace: 0 }, reflector: { backoff: { first: 5, most: 20 } } },
    });
  });
  after(async () => {
    await scan.stop();
    await engine.close();
    await server.stop();
  });

  function run(namespace: string, name: string): void {
    const spec = { containers: [{ name: 'main', image: `${engine.registry.host}/demo/${name}:1.0` }] };
    server.put(PODS, { metadata: { name: `${namespace}-${name}`, namespace }, spec });
  }

  test('asks neither the API server nor a registry before the policies are known', async () => {
    scan.start();
    // Several answers later, what was asked before them has come in.
    for (let asked = 0; asked < 5; asked += 1) await fetch(`${server.url}/api/v1/namespaces`);
    assert.ok(server.seen.every(({ path }) => path !== PODS));
    assert.equal(effects.of('demo'), undefined);
    assert.equal(engine.registry.requests.length, 0);
  });

  test('finds what the policy would deny, in its own words and time', async () => {
    ready.resolve();
    await eventually(() => affected.length > 0);
    const list = server.seen.find(({ path }) => path === PODS);
    assert.equal(list?.query.get('fieldSelector'), 'status.phase=Running');
    assert.deepEqual(affected, [['demo']]);
    assert.deepEqual(effects.of('demo'), {
      wouldDeny: 1,
      undecided: 0,
      sample: [`shop/shop-unsigned: ${engine.registry.host}/demo/unsigned:1.0: NoSignature`],
      observedGeneration: 1,
      observedAt: '2026-06-01T00:00:00Z',
    });
  });

  test('leaves the proofs where the next admission finds them: it costs no request', async () => {
    for (const name of ['signed', 'bundle']) {
      const { code, registryRequests } = await engine.decide(`demo/${name}:1.0`);
      assert.deepEqual([code, registryRequests], ['Verified', 0]);
    }
  });

  test('follows Pods, and reports a change once', async () => {
    const told = affected.length;
    run('web', 'unsigned');
    await eventually(() => effects.of('demo')?.wouldDeny === 2);
    scan.nudge();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(affected.length, told + 1);
    server.remove(PODS, 'web-unsigned');
    await eventually(() => effects.of('demo')?.wouldDeny === 1);
  });

  test('forgets a policy that is deleted', async () => {
    engine.store.remove('demo');
    scan.policiesChanged();
    await eventually(() => effects.of('demo') === undefined);
  });
});
