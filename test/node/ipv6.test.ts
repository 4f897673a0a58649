// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PODS6, SERVICES6 } from '../control-plane/addresses.ts';
import { admitted, install, openInstallation, tryPod, type Installation } from '../e2e/workbench/installation.ts';
import { output } from '../e2e/workbench/tools.ts';
import { readFrame } from './frame.ts';

/** In the frame, because only there whole networks can be made this machine's. Pods are processes of it. */
describe('a cluster of IPv6 alone', () => {
  let here: Installation;
  before(async () => {
    readFrame();
    // No interface has these addresses: they are listened on, and led here, all the same.
    await output(['sysctl', '--quiet', '--write', 'net.ipv6.ip_nonlocal_bind=1']);
    for (const network of [SERVICES6, PODS6]) {
      await output(['ip', '-6', 'route', 'replace', 'local', network, 'dev', 'lo']);
    }
    here = await openInstallation(undefined, { ipv6: true });
  });
  after(() => here.close());

  test('has replicas that API server and probes reach, without a value', async () => {
    await install(here);
    assert.match(await here.read('cosignet:service/cosignet', '.spec.clusterIPs[*]'), /^fd00:96::[0-9a-f:]+$/);
    assert.match(await here.read('cosignet:pods', '.items[*].status.podIPs[*].ip'), /^fd00:97::\S+( fd00:97::\S+)+$/);
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
  });

  test('passes `helm test`', async () => {
    const { code, stdout, stderr } = await here.helm('test', 'cosignet', '--namespace=cosignet', '--timeout=180s');
    assert.equal(code, 0, stdout + stderr);
  });
});
