// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../../control-plane/process.ts';
import { LEADER_TIMINGS } from '../../../operator/kubernetes/leader.ts';
import { install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';

const ASKERS = 8;
/** What the Service needs here to stop sending connections to a dead replica; a kubelet and kube-proxy need no longer. */
const ENDPOINT_MILLISECONDS = 3000;

describe('two replicas under load', () => {
  let here: Installation;
  const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);
  const holder = () => here.read('cosignet:lease/cosignet', '.spec.holderIdentity');
  const pods = async () => {
    const names = await own(
      'get',
      'pods',
      '--field-selector=status.phase=Running',
      '--output=jsonpath={.items[*].metadata.name}',
    );
    return names.split(' ').filter((name) => name !== '');
  };
  const leader = async () => {
    const identity = await holder();
    const name = (await pods()).find((pod) => identity.startsWith(`${pod}_`));
    assert.ok(name, `${identity} names no Pod`);
    return name;
  };
  const kill = (pod: string) => {
    const file = path.join(here.bench.dir, 'cluster', 'pods', pod, 'pid');
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
  };
  const settled = async () => {
    await own('rollout', 'status', 'deployment/cosignet', '--timeout=60s');
    await waitFor('two Pods', async () => (await pods()).length === 2 || undefined);
  };

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
    await waitFor(
      'another holder',
      async () => {
        const now = await holder();
        return (now !== '' && !now.startsWith(`${first}_`)) || undefined;
      },
      { timeout: LEADER_TIMINGS.leaseDuration + LEADER_TIMINGS.retryPeriod * 1.2 + 20_000 },
    );
    t.diagnostic(`the lock moved after ${Date.now() - killedAt} ms, ${other} stayed`);
    await settled();
    const { answered, failures } = await load.stop();
    const last = Math.max(0, ...failures.map(({ at }) => at - killedAt));
    t.diagnostic(`${answered} answers, ${failures.length} attempts failed, the last after ${last} ms`);
    assert.ok(answered > 200, `only ${answered} requests`);
    for (const { at, error } of failures) {
      // Not answered at all, which stops the Pod (failurePolicy Fail) until its controller asks again; never answered wrongly.
      assert.match(error, /failed calling webhook/);
      assert.ok(at >= killedAt && at - killedAt < ENDPOINT_MILLISECONDS, `${at - killedAt} ms: ${error}`);
    }
    // Each asker has one request under way; until the endpoint is gone, half of the new connections meet nobody.
    assert.ok(failures.length <= ASKERS * 4, `${failures.length} attempts failed`);
  });

  test('all killed at once come back by themselves while failurePolicy is Fail', async () => {
    for (const pod of await pods()) kill(pod);
    await waitFor('nobody to answer', async () => {
      const { code } = await here.bench.kubectl(tryPod(here.images.signed));
      return code !== 0 || undefined;
    });
    // As after an outage of the whole cluster, what the others stand on must start first.
    const pod = { metadata: { generateName: 'dns-' }, spec: { containers: [{ name: 'dns', image: 'dns:1' }] } };
    await here.bench.cluster.api.post('/api/v1/namespaces/kube-system/pods', pod);
    const [deployment] = await Promise.all([own('get', 'deployment/cosignet', '--output=json'), settled()]);
    assert.match(deployment, /"replicas": 2/);
    await here.kubectl(...tryPod(here.images.signed));
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
  });
});
