// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../../control-plane/process.ts';
import { admitted, install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { replicasOf } from '../workbench/replica.ts';

describe('availability in a cluster', () => {
  let here: Installation;
  const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);
  const holder = () => here.read('cosignet:lease/cosignet', '.spec.holderIdentity');
  const rolledOut = () => own('rollout', 'status', 'deployment/cosignet', '--timeout=240s');

  before(async () => {
    here = await openInstallation();
    await install(here);
    await here.kubectl('run', 'kept', `--image=${here.images.signed.tag}`);
    await here.kubectl('create', 'deployment', 'web', `--image=${here.images.signed.tag}`);
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
  });
  after(() => here.close());

  test('every request is answered while the replicas are replaced', async () => {
    const failures: unknown[] = [];
    const asking = new AbortController();
    const asked = askUntil(asking.signal, here, failures);
    await own('rollout', 'restart', 'deployment/cosignet');
    await rolledOut();
    // The last old one is still on its way out.
    await waitFor('two Pods', async () => {
      return (await own('get', 'pods', '--output=name')).split('\n').length === 2 || undefined;
    });
    asking.abort();
    assert.ok((await asked) > 20, `only ${await asked} requests`);
    assert.deepEqual(failures, []);
  });

  test('the lock passes to another replica when its holder ends', async () => {
    // The one of before was ended, too: nobody may have taken it yet.
    const { first, pod } = await waitFor('a holder that runs', async () => {
      const now = await holder();
      const name = (await replicasOf(here)).find((one) => now.startsWith(`${one}_`));
      return name === undefined ? undefined : { first: now, pod: name };
    });
    await own('delete', 'pod', pod);
    await waitFor('another holder', async () => {
      const now = await holder();
      return (now !== '' && now !== first) || undefined;
    });
    await rolledOut();
  });

  test('housekeeping goes on while no replica runs, new Pods wait, and all recovers by itself', async () => {
    await own('scale', 'deployment/cosignet', '--replicas=0');
    await waitFor('the Pods to be gone', async () => (await own('get', 'pods', '--output=name')) === '' || undefined);
    assert.match(await here.refused(...tryPod(here.images.signed)), /failed calling webhook/);
    await here.kubectl('label', 'pod', 'kept', 'tier=back');
    await here.kubectl('annotate', 'deployment', 'web', 'note=kept');
    await here.kubectl('scale', 'deployment', 'web', '--replicas=2');
    await here.kubectl('delete', 'pod', 'kept');
    // What everything stands on, and we ourselves, start without us.
    for (const namespace of ['kube-system', 'cosignet']) {
      await here.kubectl('--namespace', namespace, 'run', 'needed', `--image=${here.images.unsigned.tag}`);
    }
    await own('delete', 'pod', 'needed');
    await own('scale', 'deployment/cosignet', '--replicas=2');
    await rolledOut();
    // The Service leads to them a little later.
    await admitted(here, here.images.signed);
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=240s');
  });

  test('verdicts are counted at the metrics port', async () => {
    const address = await here.read('cosignet:service/cosignet', '.spec.clusterIP');
    // Any replica may answer, also one that has checked nothing since it started.
    const pages = new Set<string>();
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const answer = await fetch(`http://${address}:8080/metrics`, { headers: { connection: 'close' } });
      pages.add(await answer.text());
    }
    assert.match([...pages].join('\n'), /^cosignet_verdicts_total\{.*code="Verified".*\} \d+$/m);
  });
});

/** Asks for Pods, one after the other; how often it did. */
async function askUntil(signal: AbortSignal, here: Installation, failures: unknown[]): Promise<number> {
  const containers = [{ name: 'a', image: here.images.signed.tag }];
  const pod = { metadata: { generateName: 'asked-' }, spec: { containers } };
  let count = 0;
  while (!signal.aborted) {
    count += 1;
    await here.bench.cluster.api
      .post('/api/v1/namespaces/shop/pods?dryRun=All', pod)
      .catch((error: unknown) => failures.push(error));
    await delay(20);
  }
  return count;
}
