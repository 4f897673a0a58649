// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  admitted,
  denied,
  keyFlags,
  openInstallation,
  policyReady,
  tryPod,
  type Installation,
} from '../workbench/installation.ts';
import { inventory } from '../workbench/inventory.ts';

/** One story, in order. */
describe('Cosignet, from its installation to its end', () => {
  let here: Installation;
  let untouched: readonly string[];

  before(async () => {
    here = await openInstallation();
    untouched = await inventory(here.bench);
  });
  after(() => here.close());

  test('is installed by one command and a pasted key, and two replicas get ready', async () => {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release));
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.readyReplicas'), '2');
  });

  test('lists its policies with columns that tell what they do', async () => {
    await policyReady(here.kubectl, 'default');
    await admitted(here, here.images.signed);
    const [header = '', row = ''] = (await here.kubectl('get', 'imagepolicies.cosignet.dev')).split('\n');
    assert.match(header, /^NAME +IMAGES +ACTION +MODE +KEYS +READY +AGE$/);
    assert.match(row, /^default +\*\* +Verify +Enforce +1 +True +\S+$/);
    const wide = await here.kubectl('get', 'imagepolicies.cosignet.dev', 'default', '--output=wide');
    assert.match(wide, /READY +REASON +EXPIRES +AGE\n.* True +Compiled /);
  });

  for (const goods of ['signed', 'bundled'] as const) {
    test(`runs a ${goods} image, pinned to the digest that was verified`, async () => {
      await here.kubectl('run', goods, `--image=${here.images[goods].tag}`);
      assert.equal(await here.read(`pod/${goods}`, '.spec.containers[0].image'), here.images[goods].pinned);
    });
  }

  test('denies an unsigned image, naming image, digest, policy and whom to ask', async () => {
    const { tag, digest } = here.images.unsigned;
    const message = await here.refused('run', 'unsigned', `--image=${tag}`);
    assert.match(message, /denied the request/);
    for (const part of [tag, digest, 'Policy "default" requires a signature by "', "ask the cluster's administrators"])
      assert.ok(message.includes(part), message);
  });

  test('denies an image that somebody else signed, naming whose signature counts', async () => {
    const { tag, digest } = here.images.forged;
    const message = await here.refused('run', 'forged', `--image=${tag}`);
    const signer = await here.read('imagepolicies.cosignet.dev/default', '.status.keys[0].name');
    for (const part of [tag, digest, `Policy "default" requires a signature by "${signer}"`])
      assert.ok(message.includes(part), message);
  });

  test('rolls a Deployment out to pinned Pods and leaves its template as written', async () => {
    const { tag, pinned } = here.images.signed;
    await here.kubectl('create', 'deployment', 'web', `--image=${tag}`, '--replicas=2');
    await here.kubectl('rollout', 'status', 'deployment/web', '--timeout=120s');
    assert.equal(await here.read('deployment/web', '.spec.template.spec.containers[0].image'), tag);
    const pods = await here.kubectl('get', 'pods', '--selector=app=web', '--output=jsonpath={.items[*].spec..image}');
    assert.equal(pods, `${pinned} ${pinned}`);
  });

  test('takes changed values by an upgrade', async () => {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.other), '--set=replicas=3');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.readyReplicas'), '3');
    await admitted(here, here.images.forged);
    await here.refused(...tryPod(here.images.signed));
  });

  test('refuses values that do not fit, and goes on as it was', async () => {
    const { code, stdout, stderr } = await here.make('install', '--set=config.unmatchedImages=Perhaps');
    assert.notEqual(code, 0);
    assert.match(`${stdout}${stderr}`, /unmatchedImages/);
    await here.kubectl(...tryPod(here.images.forged));
  });

  test('drops the policy that the values no longer ask for', async () => {
    const { code, stdout, stderr } = await here.make('install', '--reset-values');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.equal(await here.kubectl('get', 'imagepolicies.cosignet.dev', '--output=name'), '');
    await denied(here, here.images.forged, /denied the request/);
  });

  test('was never refused a right that it needs', () => {
    const pods = path.join(here.bench.dir, 'cluster', 'pods');
    for (const pod of readdirSync(pods)) {
      const log = readFileSync(path.join(pods, pod, 'output.log'), 'utf8');
      assert.notEqual(log, '', pod);
      assert.doesNotMatch(log, /forbidden|unauthorized/i, pod);
    }
  });

  test('is uninstalled without leaving anything behind', async () => {
    await here.kubectl('delete', 'deployment,pod', '--all');
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.deepEqual(await inventory(here.bench), untouched);
    await admitted(here, here.images.unsigned);
  });
});
