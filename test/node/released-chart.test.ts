// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { admitted, keyFlags, openOn, policyReady, tryPod, type Installation } from '../e2e/workbench/installation.ts';
import { pushChart } from '../e2e/releases/released-chart.ts';
import { openNodeWorkbench, type NodeWorkbench } from './workbench.ts';

describe('the released chart on a real node', () => {
  let bench: NodeWorkbench;
  let here: Installation;

  before(async () => {
    bench = await openNodeWorkbench();
    here = await openOn(bench);
  });
  after(() => bench.close());

  test('is installed from a registry by digest, and starts the image that it names by digest', async () => {
    const { host } = bench.registry;
    const image = { repository: `${host}/cosignet`, digest: bench.digest };
    const chart = await pushChart(`${host}/charts/cosignet`, image, bench.dir);
    const flags = ['--namespace=cosignet', '--create-namespace', '--wait', '--plain-http', ...keyFlags(here.release)];
    const values = bench.values.filter((value) => !value.startsWith('--set=image.'));
    const { code, stdout, stderr } = await here.helm('install', 'cosignet', chart, ...flags, ...values);
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.readyReplicas'), '2');
    const started = '.items[*].status.containerStatuses[0].imageID';
    const images = (await here.read('cosignet:pods', started)).split(' ');
    assert.deepEqual(
      images,
      images.map(() => `${image.repository}@${image.digest}`),
    );
    assert.ok(images.length >= 2, images.join());
  });

  test('checks Pods', async () => {
    await policyReady(here.kubectl, 'default');
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /unsigned/);
  });
});
