// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../control-plane/process.ts';
import { HOSTILE_SPECS, LARGE_SPEC } from '../../endurance/hostile/policies.ts';
import { admitted, install, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { startLoad } from '../workbench/load.ts';
import { output } from '../workbench/tools.ts';

const KIND = 'namespacedimagepolicies.cosignet.dev';

/** A loop of a thousand rounds in a condition. */
const each = (name: string, then: string) => `predicate.numbers.all(${name}, ${then})`;

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
    await here.kubectl('--namespace=cosignet', 'rollout', 'status', 'deployment/cosignet', '--timeout=240s');
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

  test('whose conditions cost too much deny their own images, and keep no other waiting', async () => {
    const { signed } = here.images;
    const predicate = path.join(here.bench.dir, 'numbers.json');
    await writeFile(predicate, JSON.stringify({ numbers: Array.from({ length: 1000 }, (_, index) => index) }));
    const how = ['--tlog-upload=false', '--use-signing-config=false', '--new-bundle-format=false'];
    const what = ['--type=https://example.com/numbers', `--predicate=${predicate}`];
    await output(['cosign', 'attest', '-y', `--key=${here.release.privateFile}`, ...how, ...what, signed.pinned], {
      env: { COSIGN_PASSWORD: '', DOCKER_CONFIG: here.bench.dir, HOME: here.bench.dir },
    });
    const conditions = [{ expression: each('a', each('b', each('c', 'a + b + c >= 0'))) }];
    const attestations = [{ name: 'numbers', predicateType: 'https://example.com/numbers', conditions }];
    const keys = [{ name: 'k', pem: here.release.publicKey }];
    await apply('costly', { images: [signed.tag.replace(/:[^:]*$/, '')], keys, attestations });
    await using load = startLoad(here, { askers: 2 });
    for (let count = 0; count < 5; count += 1) {
      await waitFor('the image to be denied for what its condition costs', async () => {
        const { code, stderr } = await here.bench.kubectl([...tryPod(signed), '--namespace=hostile']);
        assert.notEqual(code, 0);
        assert.match(stderr, /Policy "hostile\/costly".*loops more than 100000 times/s);
        return true;
      });
    }
    const { answered, failures } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(answered > 10, `only ${answered} answers`);
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
