// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi, type ApiRequest, type KubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { LeaderElection, type LeaderOptions } from '../../../../operator/kubernetes/leader.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { eventually } from '../eventually.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/cosignet/leases';
const FAST = { leaseDuration: 900, renewDeadline: 400, retryPeriod: 40 };
/** A pause of a busy machine does not cost the lease. */
const PATIENT = { ...FAST, leaseDuration: 20_000, renewDeadline: 10_000 };

describe('LeaderElection', () => {
  let server: FakeApiServer;
  let contenders: LeaderElection[];
  let diary: string[];

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    contenders = [];
    diary = [];
  });
  afterEach(async () => {
    server.fault = () => undefined;
    await Promise.all(contenders.map((contender) => contender.stop()));
    await server.stop();
  });

  function contend(identity: string, more: Partial<LeaderOptions> = {}): LeaderElection {
    const election = new LeaderElection({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: { 'x-identity': identity } }) }),
      namespace: 'cosignet',
      name: 'cosignet',
      identity,
      onStarted: () => diary.push(`${identity} starts`),
      onStopped: () => diary.push(`${identity} stops`),
      log: silentLogger,
      monotonic: () => performance.now(),
      clock: Date.now,
      timings: FAST,
      ...more,
    });
    contenders.push(election);
    election.start();
    return election;
  }

  const holder = () => server.get(LEASES, 'cosignet')?.spec?.['holderIdentity'];
  const cutOff = (identity: string) => {
    server.fault = (seen) => (seen.headers['x-identity'] === identity ? 'hang' : undefined);
  };

  test('one of two contenders leads, and goes on leading', async () => {
    const [a, b] = [contend('a', { timings: PATIENT }), contend('b', { timings: PATIENT })];
    await eventually(() => a.isLeader || b.isLeader);
    const renewed = new Set<unknown>();
    await eventually(() => renewed.add(server.get(LEASES, 'cosignet')?.spec?.['renewTime']).size > 5);
    assert.equal(diary.length, 1, diary.join());
    assert.notEqual(a.isLeader, b.isLeader);
    assert.equal(holder(), a.isLeader ? 'a' : 'b');
  });

  test('takes a Lease that exists without a holder', async () => {
    server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet', labels: { chart: 'yes' } } });
    const a = contend('a');
    await eventually(() => a.isLeader);
    assert.deepEqual(server.get(LEASES, 'cosignet')?.metadata.labels, { chart: 'yes' });
  });

  test('gives the lease back on stop, so that the other leads well before it would run out', async () => {
    const timings = { ...FAST, leaseDuration: 60_000, renewDeadline: 30_000 };
    const a = contend('a', { timings });
    await eventually(() => diary.length === 1);
    const b = contend('b', { timings });
    await sleep(100);
    const startedAt = performance.now();
    await a.stop();
    await eventually(() => b.isLeader);
    assert.ok(performance.now() - startedAt < timings.leaseDuration / 2);
    await eventually(() => diary.length === 3);
    assert.deepEqual(diary, ['a starts', 'a stops', 'b starts']);
  });

  test('gives back a lease that a renewal under way has changed meanwhile', async () => {
    const a = contend('a', { timings: { leaseDuration: 60_000, renewDeadline: 30_000, retryPeriod: 20_000 } });
    await eventually(() => diary.length === 1);
    const { spec } = server.get(LEASES, 'cosignet') ?? {};
    assert.ok(spec);
    server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet' }, spec });
    await a.stop();
    assert.equal(holder(), '');
  });

  test('a partitioned leader stops before another starts', async () => {
    const a = contend('a');
    await eventually(() => diary.length === 1);
    const b = contend('b');
    cutOff('a');
    await eventually(() => b.isLeader);
    await eventually(() => diary.length === 3);
    assert.deepEqual(diary, ['a starts', 'a stops', 'b starts']);
    assert.equal(a.isLeader, false);
    server.fault = () => undefined;
    await sleep(200);
    assert.equal(a.isLeader, false);
    assert.equal(holder(), 'b');
  });

  test('goes on leading through a short storm of errors', async () => {
    const a = contend('a', { timings: PATIENT });
    await eventually(() => diary.length === 1);
    server.fault = () => ({ status: 503 });
    await sleep(200);
    server.fault = () => undefined;
    await sleep(300);
    assert.deepEqual(diary, ['a starts']);
    assert.equal(a.isLeader, true);
  });

  test('a process that was suspended past its deadline knows at once that it does not lead', async () => {
    let suspended = 0;
    const a = contend('a', { monotonic: () => performance.now() + suspended });
    await eventually(() => a.isLeader);
    suspended = 60_000;
    assert.equal(a.isLeader, false);
  });

  test('a renewal that took long counts from when it was asked for', async () => {
    let passed = 0;
    const api = createKubeApi({ server: server.url, authorize: async () => ({ headers: { 'x-identity': 'a' } }) });
    const slow: KubeApi = {
      ...api,
      async call<T>(request: ApiRequest): Promise<T> {
        const answer = await api.call<T>(request);
        if (request.method !== undefined) {
          passed += PATIENT.renewDeadline - 2000;
          cutOff('a');
        }
        return answer;
      },
    };
    const a = contend('a', { api: slow, timings: PATIENT, monotonic: () => performance.now() + passed });
    await eventually(() => a.isLeader);
    passed += 2000;
    assert.equal(a.isLeader, false);
  });

  test('wall clocks that jump a day each way change nothing', async () => {
    let offset = 0;
    const day = 86_400_000;
    const timings = { ...FAST, leaseDuration: 3000, renewDeadline: 2500 };
    const a = contend('a', { timings, clock: () => Date.now() + offset });
    await eventually(() => diary.length === 1);
    contend('b', { timings, clock: () => Date.now() - offset });
    for (const jump of [day, -day]) {
      offset = jump;
      await sleep(timings.leaseDuration + 200);
      assert.equal(a.isLeader, true);
    }
    assert.deepEqual(diary, ['a starts']);
  });

  test('does not take over a lease that another renews, however old its times look', async () => {
    const lease = () => {
      const spec = {
        holderIdentity: 'x',
        leaseDurationSeconds: 1,
        renewTime: '2001-01-01T00:00:00.000000Z',
        turn: turn++,
      };
      server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet' }, spec });
    };
    let turn = 0;
    lease();
    const timer = setInterval(lease, 100);
    const a = contend('a', { timings: { ...FAST, leaseDuration: 2500, renewDeadline: 2000 } });
    await sleep(3500);
    clearInterval(timer);
    assert.equal(a.isLeader, false);
    await eventually(() => a.isLeader);
  });

  test('leads again after its Lease was deleted', async () => {
    const a = contend('a', { timings: PATIENT });
    await eventually(() => a.isLeader);
    server.remove(LEASES, 'cosignet');
    await eventually(() => holder() === 'a');
    assert.deepEqual(diary, ['a starts']);
  });

  test('stops leading when another took the lease by force', async () => {
    const a = contend('a');
    await eventually(() => diary.length === 1);
    const spec = { holderIdentity: 'x', leaseDurationSeconds: 30 };
    server.put(LEASES, { metadata: { name: 'cosignet', namespace: 'cosignet' }, spec });
    await eventually(() => diary.length === 2);
    assert.deepEqual(diary, ['a starts', 'a stops']);
    assert.equal(a.isLeader, false);
  });

  test('refuses timings with which two could lead', () => {
    const timings = { leaseDuration: 10, renewDeadline: 10, retryPeriod: 1 };
    assert.throws(() => contend('a', { timings }), RangeError);
  });
});
