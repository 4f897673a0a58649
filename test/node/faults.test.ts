// SPDX-License-Identifier: Apache-2.0
import type { V1Lease, V1Pod } from '@kubernetes/client-node';
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ObjectList } from '../control-plane/api.ts';
import { waitFor } from '../control-plane/process.ts';
import { admitted, answer, install, openOn, tryPod, type Installation } from '../e2e/workbench/installation.ts';
import { startLoad } from '../e2e/workbench/load.ts';
import { openNodeWorkbench, type NodeWorkbench } from './workbench.ts';

const nameOf = (pod: V1Pod | undefined): string => pod?.metadata?.name ?? '';
const restarts = (pod: V1Pod | undefined): number => pod?.status?.containerStatuses?.[0]?.restartCount ?? 0;
const isReady = (pod: V1Pod): boolean => pod.status?.containerStatuses?.[0]?.ready ?? false;

/** The kubelet's own periods, on a machine that is busy. */
const eventually = (description: string, ask: () => Promise<boolean>): Promise<true> =>
  waitFor(description, async () => (await ask()) || undefined, { timeout: 240_000, interval: 200 });

/** One story, in order: each time all is as it was before, by nobody's doing. */
describe('a real node that fails', () => {
  let bench: NodeWorkbench;
  let here: Installation;

  const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);
  const podsOf = async (namespace: string, selector: string): Promise<readonly V1Pod[]> => {
    const query = `labelSelector=${encodeURIComponent(selector)}`;
    const { items } = await bench.cluster.api.get<ObjectList<V1Pod>>(`/api/v1/namespaces/${namespace}/pods?${query}`);
    return items.filter(({ metadata }) => !metadata?.deletionTimestamp);
  };
  const replicas = () => podsOf('cosignet', 'app.kubernetes.io/name=cosignet');
  const find = async (name: string): Promise<V1Pod | undefined> =>
    (await replicas()).find((pod) => nameOf(pod) === name);
  const restarted = async (pod: V1Pod | undefined): Promise<boolean> => {
    const now = await find(nameOf(pod));
    return now !== undefined && isReady(now) && restarts(now) > restarts(pod);
  };
  /** These very Pods, each container started anew: none took the place of another. */
  const allRestarted = (former: readonly V1Pod[]) =>
    eventually(`${former.map(nameOf).join()} to start anew`, async () => {
      const outcomes = await Promise.all(former.map(restarted));
      return outcomes.every(Boolean) && (await replicas()).length === former.length;
    });

  /** Whether so many requests in a row are answered. */
  const answers = async (requests: number): Promise<boolean> => {
    for (let request = 0; request < requests; request += 1) {
      const { code } = await bench.kubectl(tryPod(here.images.signed));
      if (code !== 0) return false;
    }
    return true;
  };

  before(async () => {
    bench = await openNodeWorkbench();
    here = await openOn(bench);
    await install(here);
    await here.kubectl('create', 'deployment', 'web', `--image=${here.images.signed.tag}`, '--replicas=2');
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
  });
  after(() => bench.close());

  test('an upgrade answers every request, by kube-proxy and the kubelet as they really are', async () => {
    const former = new Set((await replicas()).map(nameOf));
    await using load = startLoad(here, { askers: 2 });
    await install(here, '--reuse-values', '--set=logLevel=debug');
    await eventually('the old replicas to be gone', async () => bench.cluster.replicas().length === 2);
    const { answered, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered > 20, `only ${answered} requests`);
    assert.ok((await replicas()).every((pod) => !former.has(nameOf(pod))));
  });

  test('a kubelet that starts again finds the same processes at work, and no request was lost', async () => {
    const processes = bench.cluster.replicas();
    await using load = startLoad(here, { askers: 1 });
    const ended = Date.now();
    await bench.cluster.restartKubelet();
    const path = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1';
    await eventually('the new kubelet to renew its lease', async () => {
      const { spec } = await bench.cluster.api.get<V1Lease>(path);
      return Date.parse(String(spec?.renewTime)) > ended;
    });
    await here.kubectl('run', 'after-kubelet', `--image=${here.images.bundled.tag}`);
    await here.kubectl('wait', 'pod/after-kubelet', '--for=condition=Ready', '--timeout=180s');
    assert.deepEqual((await load.stop()).failures, []);
    assert.deepEqual(bench.cluster.replicas(), processes);
  });

  test('all replicas killed at once come back in their Pods, and admission with them', async () => {
    const former = await replicas();
    for (const pid of bench.cluster.replicas()) process.kill(pid, 'SIGKILL');
    assert.match(await answer(here, here.images.signed), /failed calling webhook/);
    await allRestarted(former);
    for (const pod of await replicas()) assert.equal(restarts(pod), 1, nameOf(pod));
    await admitted(here, here.images.signed);
  });

  test('a replica that hangs gets no more requests, and the kubelet starts it anew', async () => {
    const [hung, other] = await replicas();
    const [pid] = bench.cluster.replicas(nameOf(hung));
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGSTOP');
    await eventually('the readiness probe to fail', async () => {
      const pod = await find(nameOf(hung));
      return pod !== undefined && !isReady(pod);
    });
    // A connection that the API server holds to it costs one more request, and is then closed.
    await admitted(here, here.images.signed);
    await using load = startLoad(here, { askers: 1 });
    await eventually('the kubelet to start it anew', () => restarted(hung));
    assert.deepEqual((await load.stop()).failures, []);
    assert.equal(restarts(await find(nameOf(other))), restarts(other));
  });

  test('a replica that reaches its memory limit is ended and starts again; the other goes on', async () => {
    // The one that did not just start: a limit is only lowered where the kubelet knows what is used.
    const [other, tight] = await replicas();
    const name = nameOf(tight);
    const resize = (memory: string) => {
      const resources = { limits: { memory } };
      const patch = JSON.stringify({ spec: { containers: [{ name: 'cosignet', resources }] } });
      return own('patch', 'pod', name, '--subresource=resize', `--patch=${patch}`);
    };
    const limited = (memory: string) =>
      own(
        'wait',
        `pod/${name}`,
        `--for=jsonpath={.status.containerStatuses[0].resources.limits.memory}=${memory}`,
        '--timeout=120s',
      );
    await resize('128Mi');
    await limited('128Mi');
    // The largest process of the group is the one that the kernel ends; these are smaller, and end with it.
    const guests: Promise<unknown>[] = [];
    const idle = ['/usr/local/bin/node', '--eval', 'setTimeout(() => {}, 30_000)'];
    await waitFor(
      'the kernel to end the replica',
      async () => {
        guests.push(bench.kubectl(['--namespace=cosignet', 'exec', name, '--', ...idle]));
        return restarts(await find(name)) > restarts(tight) || undefined;
      },
      { timeout: 240_000, interval: 1500 },
    );
    await Promise.all(guests);
    const [status] = (await find(name))?.status?.containerStatuses ?? [];
    assert.equal(status?.lastState?.terminated?.reason, 'OOMKilled');
    await admitted(here, here.images.signed);
    await resize('512Mi');
    await limited('512Mi');
    await eventually('it to be ready again', () => restarted(tight));
    assert.equal(restarts(await find(nameOf(other))), restarts(other));
  });

  test('a drain takes one replica and waits for the other, which answers every request', async () => {
    await using load = startLoad(here, { askers: 1 });
    const drain = ['drain', 'n1', '--pod-selector=app.kubernetes.io/name=cosignet', '--delete-emptydir-data'];
    const said = await here.refused(...drain, '--timeout=15s');
    assert.match(said, /disruption budget/);
    assert.equal((await replicas()).filter(isReady).length, 1);
    await here.kubectl('uncordon', 'n1');
    await own('rollout', 'status', 'deployment/cosignet', '--timeout=240s');
    assert.deepEqual((await load.stop()).failures, []);
  });

  test('a node whose power failed starts all its Pods again, with nobody there to ask about them', async () => {
    const former = await replicas();
    const web = await podsOf('shop', 'app=web');
    await bench.cluster.crash();
    assert.deepEqual(bench.cluster.replicas(), []);
    await allRestarted(former);
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=240s');
    await eventually('the Pods of web to run again', async () => {
      return (await podsOf('shop', 'app=web')).every((pod) => isReady(pod) && restarts(pod) > 0);
    });
    assert.deepEqual((await podsOf('shop', 'app=web')).map(nameOf), web.map(nameOf));
    // kube-proxy learns the new addresses of both replicas only after their Pods are ready.
    await eventually('the Service to lead to the replicas', () => answers(8));
    await here.kubectl('run', 'after-crash', `--image=${here.images.signed.tag}`);
    await here.kubectl('wait', 'pod/after-crash', '--for=condition=Ready', '--timeout=180s');
    await here.refused('run', 'unsigned', `--image=${here.images.unsigned.tag}`);
  });
});
