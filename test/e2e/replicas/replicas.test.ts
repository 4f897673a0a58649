// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import type { ObjectList } from '../../control-plane/api.ts';
import { waitFor } from '../../control-plane/process.ts';
import { LEADER_TIMINGS } from '../../../operator/kubernetes/leader.ts';
import { admitted, answer, install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';
import { replicasOf } from '../workbench/replica.ts';

const ASKERS = 8;
/** From when the Service has lost a dead replica until the last request that was under way to it has failed. */
const UNDER_WAY_MILLISECONDS = 3000;

describe('two replicas under load', () => {
  let here: Installation;
  const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);
  const holder = () => here.read('cosignet:lease/cosignet', '.spec.holderIdentity');
  const pods = () => replicasOf(here);
  const leader = () =>
    waitFor('a replica that leads', async () => {
      const identity = await holder();
      return (await pods()).find((pod) => identity.startsWith(`${pod}_`));
    });
  const kill = (pod: string) => {
    const file = path.join(here.bench.dir, 'cluster', 'pods', pod, 'pid');
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
  };
  const settled = async () => {
    await own('rollout', 'status', 'deployment/cosignet', '--timeout=240s');
    await waitFor('two Pods', async () => (await pods()).length === 2 || undefined);
  };

  /** Whether the Service sends connections to this Pod. */
  async function leadsTo(pod: string): Promise<boolean> {
    const { items } = await here.bench.cluster.api.get<ObjectList<V1EndpointSlice>>(
      '/apis/discovery.k8s.io/v1/namespaces/cosignet/endpointslices',
    );
    const endpoints = items.flatMap((slice) => slice.endpoints ?? []);
    return endpoints.some(({ targetRef, conditions }) => targetRef?.name === pod && conditions?.ready !== false);
  }

  before(async () => {
    here = await openInstallation();
    await install(here);
  });
  after(() => here.close());

  test('one that is ended in order loses nothing, and the lock passes on at once', async () => {
    await using load = startLoad(here, { askers: ASKERS });
    await delay(1000);
    const first = await leader();
    const deletedAt = Date.now();
    await own('delete', 'pod', first, '--wait=false');
    await waitFor('another holder', async () => {
      const now = await holder();
      return (now !== '' && !now.startsWith(`${first}_`)) || undefined;
    });
    const moved = Date.now() - deletedAt;
    await settled();
    const { answered, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered > 100, `only ${answered} requests`);
    assert.ok(moved < LEADER_TIMINGS.leaseDuration, `the lock moved after ${moved} ms`);
  });

  test('of one that is killed only what was under way fails, every answer is right, and the lock passes on', async (t) => {
    const first = await leader();
    const other = (await pods()).find((name) => name !== first);
    await using load = startLoad(here, { askers: ASKERS });
    await delay(2000);
    const killedAt = Date.now();
    kill(first);
    const lost = waitFor('the Service to lose it', async () => ((await leadsTo(first)) ? undefined : Date.now()));
    await waitFor(
      'another holder',
      async () => {
        const now = await holder();
        return (now !== '' && !now.startsWith(`${first}_`)) || undefined;
      },
      { timeout: LEADER_TIMINGS.leaseDuration + LEADER_TIMINGS.retryPeriod * 1.2 + 20_000 },
    );
    t.diagnostic(`the lock moved after ${Date.now() - killedAt} ms, ${other} stayed`);
    const lostAt = await lost;
    t.diagnostic(`the Service lost it after ${lostAt - killedAt} ms`);
    await settled();
    const { answered, failures } = await load.stop();
    const last = Math.max(0, ...failures.map(({ at }) => at - killedAt));
    t.diagnostic(`${answered} answers, ${failures.length} attempts failed, the last after ${last} ms`);
    assert.ok(answered > 200, `only ${answered} requests`);
    for (const { at, error } of failures) {
      // Not answered at all, which stops the Pod (failurePolicy Fail) until its controller asks again; never answered wrongly.
      assert.match(error, /failed calling webhook/);
      // Until the endpoint is gone, half of the new connections meet nobody.
      assert.ok(at >= killedAt && at < lostAt + UNDER_WAY_MILLISECONDS, `${at - killedAt} ms: ${error}`);
    }
  });

  test('all killed at once come back by themselves while failurePolicy is Fail', async () => {
    for (const pod of await pods()) kill(pod);
    await waitFor('nobody to answer', async () => (await answer(here, here.images.signed)) || undefined);
    // As after an outage of the whole cluster, what the others stand on must start first.
    const pod = { metadata: { generateName: 'dns-' }, spec: { containers: [{ name: 'dns', image: 'dns:1' }] } };
    await here.bench.cluster.api.post('/api/v1/namespaces/kube-system/pods', pod);
    const [deployment] = await Promise.all([own('get', 'deployment/cosignet', '--output=json'), settled()]);
    assert.match(deployment, /"replicas": 2/);
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
  });
});
