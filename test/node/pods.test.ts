// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { request } from 'undici';
import { waitFor } from '../control-plane/process.ts';
import {
  admitted,
  install,
  keyFlags,
  openOn,
  policyReady,
  type Image,
  type Installation,
} from '../e2e/workbench/installation.ts';
import { inventory } from '../e2e/workbench/inventory.ts';
import { output, ROOT, run, TOOLS } from '../e2e/workbench/tools.ts';
import { openNodeWorkbench, type NodeWorkbench } from './workbench.ts';

/** As the kubelet tells which image runs. */
const imageId = ({ tag, digest }: Image): string => `${tag.slice(0, tag.lastIndexOf(':'))}@${digest}`;

/** One story, in order. */
describe('Pods on a real node', () => {
  let bench: NodeWorkbench;
  let here: Installation;
  let untouched: readonly string[];

  const running = (pod: string) => here.kubectl('wait', `pod/${pod}`, '--for=condition=Ready', '--timeout=180s');
  const statusOf = (pod: string, list: string, field: string) => here.read(`pod/${pod}`, `.status.${list}[0].${field}`);

  before(async () => {
    bench = await openNodeWorkbench();
    here = await openOn(bench);
    untouched = await inventory(bench);
  });
  after(() => bench.close());

  test('Cosignet is installed from the image that was built, and runs as two replicas', async () => {
    await install(here, '--set=dashboard.enabled=true');
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.readyReplicas'), '2');
    // With those of the Pod that waited for the webhooks, which may still be there.
    const ids = (await here.read('cosignet:pods', '.items[*].status.containerStatuses[0].imageID')).split(' ');
    assert.deepEqual([...new Set(ids)], [`${bench.registry.host}/cosignet@${bench.digest}`]);
    assert.equal(bench.cluster.replicas().length, 2);
  });

  test('passes helm test, whose Pod reaches the webhook through the Service', async () => {
    const { code, stdout, stderr } = await here.helm('test', 'cosignet', '--namespace=cosignet', '--timeout=180s');
    assert.equal(code, 0, stdout + stderr);
  });

  test('shows its dashboard to who forwards a port to it, and to nobody in the cluster', async () => {
    const args = ['dashboard', '--kubeconfig', bench.cluster.kubeconfig];
    const env = { ...process.env, PATH: `${TOOLS}:${process.env['PATH']}` };
    const child = spawn(process.execPath, [path.join(ROOT, 'cli/main.ts'), ...args], { env, stdio: 'pipe' });
    const ended = once(child, 'close');
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += String(text)));
    try {
      const url = await waitFor('the address of the dashboard', async () => {
        if (child.exitCode !== null) throw new Error(said);
        return /^Dashboard of (?:\S+), which leads: (\S+)$/m.exec(said)?.[1];
      });
      const page = await (await fetch(url)).text();
      assert.match(page, /<h3>default<\/h3>/);
      assert.match(page, /It leads\./);
      assert.equal((await request(url, { headers: { host: 'evil.example' } })).statusCode, 403);
      const addresses = (await here.read('cosignet:pods', '.items[?(@.status.phase=="Running")].status.podIP')).split(
        ' ',
      );
      assert.equal(addresses.length, 2);
      for (const address of addresses) {
        // That there is a way to it: its probes answer.
        assert.equal((await fetch(`http://${address}:8081/livez`)).status, 200);
        await assert.rejects(
          fetch(`http://${address}:8082/`),
          ({ cause }: { cause?: { code?: string } }) => cause?.code === 'ECONNREFUSED',
        );
      }
    } finally {
      child.kill('SIGINT');
    }
    assert.deepEqual(await ended, [0, null], said);
  });

  for (const goods of ['signed', 'bundled'] as const) {
    test(`a ${goods} image runs, and what runs is what was verified`, async () => {
      await here.kubectl('run', goods, `--image=${here.images[goods].tag}`);
      await running(goods);
      assert.equal(await statusOf(goods, 'containerStatuses', 'imageID'), imageId(here.images[goods]));
    });
  }

  test('an unsigned image does not get as far as the node', async () => {
    const message = await here.refused('run', 'unsigned', `--image=${here.images.unsigned.tag}`);
    assert.match(message, /denied the request/);
  });

  test('a tag that is moved between admission and start moves nothing in the cluster', async () => {
    const { registry } = bench;
    const moved = `${registry.host}/shop/moved:1.0`;
    const reference = await registry.push('shop/moved:1.0');
    await registry.sign(reference, here.release);
    const env = { HOME: bench.dir };
    await here.kubectl('cordon', 'n1');
    await here.kubectl('run', 'moved', `--image=${moved}`);
    await output(['crane', 'copy', here.images.forged.tag, moved], { env });
    assert.equal(await output(['crane', 'digest', moved], { env }), here.images.forged.digest);
    await here.kubectl('uncordon', 'n1');
    await running('moved');
    assert.equal(await statusOf('moved', 'containerStatuses', 'imageID'), reference);
  });

  test('what runs is known to be signed, although containerd calls it by a name of another repository', async () => {
    const { registry } = bench;
    const { host } = registry;
    const reference = await registry.push('shop/twin:1.0');
    await registry.sign(reference, here.release);
    const annotate = ['mutate', reference, '--annotation', 'a=b', '-t', `${host}/other/twin:1.0`] as const;
    const twin = await output(['crane', ...annotate], { env: { HOME: bench.dir } });
    // Not admitted by Cosignet, and so not pinned.
    for (const [name, image] of [
      ['first', `${host}/other/twin:1.0`],
      ['second', `${host}/shop/twin:1.0`],
    ] as const) {
      await here.kubectl('--namespace=kube-system', 'run', name, `--image=${image}`);
      await here.kubectl('--namespace=kube-system', 'wait', `pod/${name}`, '--for=condition=Ready', '--timeout=180s');
    }
    const called = await here.read('kube-system:pod/second', '.status.containerStatuses[0].imageID');
    assert.equal(called, twin);
    const program = path.join(ROOT, 'cli/main.ts');
    const args = ['scan', '-n', 'kube-system', '-l', 'run=second', '--insecure-registry', host];
    const { code, stdout, stderr } = await run([process.execPath, program, ...args], { env: bench.env });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^allowed +Verified +1 /m);
    await here.kubectl('--namespace=kube-system', 'delete', 'pod', 'first', 'second', '--grace-period=1');
  });

  test('kubectl debug starts what is signed, pinned, and nothing else', async () => {
    const { bundled, forged } = here.images;
    const message = await here.refused('debug', 'signed', `--image=${forged.tag}`, '--container=other');
    assert.match(message, /denied the request/);
    await here.kubectl('debug', 'signed', `--image=${bundled.tag}`, '--container=tool');
    await here.kubectl(
      'wait',
      'pod/signed',
      '--for=jsonpath={.status.ephemeralContainerStatuses[0].state.running}',
      '--timeout=180s',
    );
    assert.equal(await statusOf('signed', 'ephemeralContainerStatuses', 'imageID'), imageId(bundled));
    assert.equal(await here.read('pod/signed', '.spec.ephemeralContainers[*].name'), 'tool');
  });

  test('an image that is mounted as a volume is verified and pinned, too', async () => {
    const pod = (name: string, volume: Image) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: {
        containers: [{ name, image: here.images.signed.tag, volumeMounts: [{ name: 'data', mountPath: '/data' }] }],
        volumes: [{ name: 'data', image: { reference: volume.tag } }],
      },
    });
    const denied = await here.apply(pod('spoilt', here.images.forged));
    assert.match(denied.stderr, /denied the request/);
    const { code, stderr } = await here.apply(pod('mounting', here.images.bundled));
    assert.equal(code, 0, stderr);
    await running('mounting');
    assert.equal(
      await here.read('pod/mounting', '.spec.volumes[?(@.name=="data")].image.reference'),
      here.images.bundled.pinned,
    );
    assert.equal(await here.kubectl('exec', 'mounting', '--', '/resident', 'read', '/data/name'), 'shop/bundled:1.0');
  });

  test('a Deployment rolls out to Pods that run what was verified', async () => {
    await here.kubectl('create', 'deployment', 'web', `--image=${here.images.signed.tag}`, '--replicas=2');
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
    const columns = '--output=jsonpath={.items[*].status.containerStatuses[0].imageID}';
    const id = imageId(here.images.signed);
    assert.equal(await here.kubectl('get', 'pods', '--selector=app=web', columns), `${id} ${id}`);
  });

  test('is upgraded to another key, which is then in force', async () => {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.other));
    assert.equal(code, 0, stdout + stderr);
    await policyReady(here.kubectl, 'default');
    await admitted(here, here.images.forged);
    await here.kubectl('run', 'forged', `--image=${here.images.forged.tag}`);
    await running('forged');
    await here.refused('run', 'late', `--image=${here.images.bundled.tag}`);
  });

  test('is uninstalled without leaving an object or a process behind', async () => {
    await here.kubectl('delete', 'deployment,pod', '--all', '--grace-period=1');
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.deepEqual(await inventory(bench), untouched);
    assert.deepEqual(bench.cluster.replicas(), []);
    await here.kubectl('run', 'unsigned', `--image=${here.images.unsigned.tag}`);
    await running('unsigned');
  });
});
