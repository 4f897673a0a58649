// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { keyFlags, openOn, policyReady, type Installation } from '../e2e/installation.ts';
import { inventory } from '../e2e/inventory.ts';
import { openNodeWorkbench, type NodeWorkbench } from './workbench.ts';

/** One story, in order. */
describe('Pods on a real node', () => {
  let bench: NodeWorkbench;
  let here: Installation;
  let untouched: readonly string[];

  before(async () => {
    bench = await openNodeWorkbench();
    here = await openOn(bench);
    untouched = await inventory(bench);
  });
  after(() => bench.close());

  test('Cosignet is installed from the image that was built, and two replicas get ready', async () => {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release));
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.readyReplicas'), '2');
    await policyReady(here.kubectl, 'default');
  });

  test('a signed image runs, and what runs is what was verified', async () => {
    await here.kubectl('run', 'signed', `--image=${here.images.signed.tag}`);
    await here.kubectl('wait', 'pod/signed', '--for=condition=Ready', '--timeout=60s');
    const { tag, digest } = here.images.signed;
    const repository = tag.slice(0, tag.lastIndexOf(':'));
    assert.equal(await here.read('pod/signed', '.status.containerStatuses[0].imageID'), `${repository}@${digest}`);
  });

  test('is uninstalled without leaving anything behind', async () => {
    await here.kubectl('delete', 'pod', '--all');
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, `${stdout}${stderr}`);
    assert.deepEqual(await inventory(bench), untouched);
  });
});
