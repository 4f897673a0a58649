// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../control-plane/process.ts';
import { HOSTILE_SPECS, LARGE_SPEC } from '../endurance/hostile/policies.ts';
import { admitted, install, openInstallation, tryPod, type Installation } from './installation.ts';

const KIND = 'namespacedimagepolicies.cosignet.dev';

describe('policies of a hostile team', () => {
  let here: Installation;

  before(async () => {
    here = await openInstallation();
    await here.kubectl('create', 'namespace', 'hostile');
    await install(here, '--set=extraEnv[0].name=NODE_OPTIONS', '--set=extraEnv[0].value=--max-old-space-size=320');
  });
  after(() => here.close());

  test('are not Ready where they are over a bound, with the field and the bound, and nobody else waits', async () => {
    for (const [name, spec] of Object.entries(HOSTILE_SPECS)) await apply(name, spec);
    for (let index = 0; index < 20; index += 1) await apply(`large-${index}`, LARGE_SPEC);
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /is not signed\. Policy "default"/);
    for (const name of Object.keys(HOSTILE_SPECS)) {
      const message = await waitFor(`the status of ${name}`, async () => {
        const found = await here.read(`hostile:${KIND}/${name}`, '.status.conditions[?(@.type=="Ready")].message');
        return found === '' ? undefined : found;
      });
      assert.match(
        message,
        / spec(\.identities|\.attestations|:).*(too large|more than|longer than|at most|deep)/,
        name,
      );
    }
  });

  test('leave every replica alive, and let new ones start', async () => {
    await here.kubectl('--namespace=cosignet', 'rollout', 'restart', 'deployment/cosignet');
    await here.kubectl('--namespace=cosignet', 'rollout', 'status', 'deployment/cosignet', '--timeout=120s');
    await admitted(here, here.images.signed);
    const restarts = await here.kubectl(
      '--namespace=cosignet',
      'get',
      'pods',
      '--selector=app.kubernetes.io/name=cosignet',
      '--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}',
    );
    assert.match(restarts, /^[0 ]*$/);
  });

  async function apply(name: string, spec: object): Promise<void> {
    const metadata = { name, namespace: 'hostile' };
    const whole = { images: ['example.com/**'], keys: [{ name: 'k', pem: here.other.publicKey }], ...spec };
    const object = { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec: whole };
    // Not `apply`, which would write a second copy into an annotation that has room for a quarter of a MiB.
    const { code, stderr } = await here.bench.kubectl(['create', '--filename=-'], JSON.stringify(object));
    assert.equal(code, 0, stderr);
  }
});
