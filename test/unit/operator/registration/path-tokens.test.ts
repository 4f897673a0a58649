// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { silentLogger } from '../../../../core/observe.ts';
import { createKubeApi } from '../../../../operator/kubernetes/api-client.ts';
import { PathTokens, ROTATION } from '../../../../operator/registration/path-tokens.ts';
import { FakeApiServer } from '../../../fakes/api-server.ts';

const SECRETS = '/api/v1/namespaces/cosignet/secrets';
const NAME = 'cosignet-path';

describe('PathTokens', () => {
  let server: FakeApiServer;
  let now: number;
  let confirmed: boolean;
  let ours: boolean;
  let leader: PathTokens;
  let follower: PathTokens;

  const tokens = (isLeader: boolean) =>
    new PathTokens({
      api: createKubeApi({ server: server.url, authorize: async () => ({ headers: {} }) }),
      namespace: 'cosignet',
      secretName: NAME,
      secrets: () => ({ get: (name) => server.get(SECRETS, name) }),
      isLeader: () => isLeader,
      isConfirmed: () => confirmed,
      isStillOurs: async () => ours,
      onChange: () => undefined,
      log: silentLogger,
      clock: () => now,
    });

  beforeEach(async () => {
    server = await new FakeApiServer().start();
    server.put(SECRETS, { metadata: { name: NAME, namespace: 'cosignet' } });
    now = 1_000_000_000;
    confirmed = true;
    ours = true;
    leader = tokens(true);
    follower = tokens(false);
  });
  afterEach(() => server.stop());

  async function both(): Promise<string> {
    await leader.reconcile();
    await follower.reconcile();
    assert.equal(follower.active, leader.active);
    assert.match(leader.active ?? '', /^[0-9a-f]{64}$/);
    return leader.active ?? '';
  }

  test('are made by whoever misses them first, be there a leader or none, and known to all', async () => {
    const another = tokens(false);
    const made = await Promise.allSettled([follower.reconcile(), another.reconcile()]);
    assert.deepEqual(made.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    await Promise.all([follower.reconcile(), another.reconcile()]);
    assert.equal(another.active, follower.active);
    assert.equal(await both(), follower.active);
  });

  test('let in who bears one of them, and nobody else', async () => {
    assert.equal(leader.accepts(''), false);
    const active = await both();
    for (const replica of [leader, follower]) {
      assert.equal(replica.accepts(active), true);
      for (const other of ['', 'x', active.slice(1), `${active}0`, '0'.repeat(64)]) {
        assert.equal(replica.accepts(other), false, other);
      }
    }
  });

  test('rotate in time: the new one was known before, the old one is taken once more, then never', async () => {
    const first = await both();
    now += ROTATION - 1;
    assert.equal(await both(), first);
    now += 1;
    const cutOff = tokens(false);
    await cutOff.reconcile();
    await leader.reconcile();
    const second = leader.active ?? '';
    assert.notEqual(second, first);
    // It has heard nothing of the rotation, and takes both.
    assert.deepEqual([cutOff.accepts(first), cutOff.accepts(second)], [true, true]);
    assert.equal(leader.accepts(first), true);
    now += ROTATION;
    await both();
    assert.deepEqual([leader.accepts(first), leader.accepts(second)], [false, true]);
    assert.ok(ROTATION * 2 <= 600_000);
  });

  test('do not rotate before API servers are known to call by the last one', async () => {
    const first = await both();
    confirmed = false;
    now += ROTATION * 3;
    assert.equal(await both(), first);
    confirmed = true;
    assert.notEqual(await both(), first);
  });

  test('are rotated by the leader alone', async () => {
    const first = await both();
    now += ROTATION * 3;
    await follower.reconcile();
    assert.equal(follower.active, first);
    assert.notEqual(await both(), first);
  });

  test('rotate also where the clock was set back', async () => {
    const first = await both();
    now -= ROTATION;
    assert.notEqual(await both(), first);
  });

  for (const [what, spoil] of [
    ['deleted', () => server.remove(SECRETS, NAME)],
    ['emptied', () => server.put(SECRETS, { metadata: { name: NAME }, data: {} })],
    ['filled with garbage', () => server.put(SECRETS, { metadata: { name: NAME }, data: { active: btoa('no') } })],
  ] as const) {
    test(`stay in force where the Secret was ${what}, and are stored again`, async () => {
      const first = await both();
      spoil();
      await follower.reconcile();
      assert.equal(follower.accepts(first), true);
      assert.equal(await both(), first);
      const later = tokens(false);
      await later.reconcile();
      assert.equal(later.accepts(first), true);
    });
  }

  test('stay in force, unstored, where the Secret went with the use of it; who knows none makes some', async () => {
    const first = await both();
    ours = false;
    server.remove(SECRETS, NAME);
    await leader.reconcile();
    assert.equal(server.get(SECRETS, NAME), undefined);
    assert.equal(leader.accepts(first), true);
    await tokens(false).reconcile();
    assert.ok(server.get(SECRETS, NAME));
  });
});
