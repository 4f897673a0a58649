// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '../../control-plane/process.ts';
import { admitted, keyFlags, openInstallation, tryPod, type Installation } from '../workbench/installation.ts';
import { inventory } from '../workbench/inventory.ts';
import { addressesOf, replicasOf } from '../workbench/replica.ts';

const CONFIGURATIONS = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'] as const;
const BINDING = 'validatingadmissionpolicybinding';
const DIGEST_REQUIRED = '--set=digestRequired.enabled=true';

/** One story, in order. */
describe('what API servers are told of Cosignet', () => {
  let here: Installation;
  let untouched: readonly string[];

  before(async () => {
    here = await openInstallation();
    untouched = await inventory(here.bench);
  });
  after(() => here.close());

  /** The webhooks of both that are called for more than our own question. */
  async function inForce(): Promise<readonly string[]> {
    const found = CONFIGURATIONS.map(async (kind) => {
      const [webhook] = JSON.parse((await here.read(`${kind}/cosignet`, '.webhooks')) || '[]');
      return webhook === undefined || JSON.stringify(webhook.rules).includes('"leases"') ? [] : [kind];
    });
    return (await Promise.all(found)).flat();
  }
  const pods = () => replicasOf(here);
  const bindings = () => here.kubectl('get', BINDING, '--output=name');

  async function failsToInstall(...flags: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release), DIGEST_REQUIRED, ...flags);
    assert.notEqual(code, 0, stdout + stderr);
    return stdout + stderr;
  }
  /** The cluster is as it was: everything runs. */
  async function isUnarmed(): Promise<void> {
    assert.deepEqual(await inForce(), []);
    assert.equal(await bindings(), '');
    await here.kubectl(...tryPod(here.images.unsigned));
  }

  // Its probes ask another port.
  test('is nothing while no replica gets ready: the installation fails, and every image runs', async () => {
    await failsToInstall('--set=extraArgs={--probes-listen,0.0.0.0:9081}', '--timeout=15s');
    await isUnarmed();
  });

  // Ready, but the Service leads elsewhere, as a firewall between API servers and nodes would have it.
  test('is nothing while replicas are ready and API servers do not reach them: the installation fails', async () => {
    const said = await failsToInstall('--set=extraArgs={--listen,0.0.0.0:9443}', '--set=arming.timeoutSeconds=10');
    assert.match(said, /cosignet-armed/);
    assert.equal(await here.read('cosignet:deployment/cosignet', '.status.updatedReplicas'), '2');
    await isUnarmed();
    for (const pod of await pods()) {
      const { metrics } = await addressesOf(here, pod);
      const answer = await fetch(`${metrics}/armed`);
      assert.equal(answer.status, 503);
      assert.match(await answer.text(), /MutatingWebhookConfiguration cosignet is not in force/);
      assert.match(await (await fetch(`${metrics}/metrics`)).text(), /^cosignet_armed 0$/m);
    }
  });

  test('is everything once they reach them, and only then the installation succeeds', async () => {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release), DIGEST_REQUIRED);
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(await inForce(), [...CONFIGURATIONS]);
    assert.equal(await bindings(), `${BINDING}.admissionregistration.k8s.io/cosignet-digest-required`);
    await admitted(here, here.images.signed);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
    // Each sees it for itself.
    for (const pod of await pods()) {
      await waitFor(`${pod} to know that it is in force`, async () => {
        const { metrics } = await addressesOf(here, pod);
        return /^cosignet_armed 1$/m.test(await (await fetch(`${metrics}/metrics`)).text()) || undefined;
      });
    }
  });

  test('stays when all replicas are killed at once, and is in force with those that come', async () => {
    const killed = await pods();
    for (const pod of killed) {
      const pid = await readFile(path.join(here.bench.dir, 'cluster/pods', pod, 'pid'), 'utf8');
      process.kill(Number(pid), 'SIGKILL');
    }
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /failed calling webhook|denied the request/);
    assert.deepEqual(await inForce(), [...CONFIGURATIONS]);
    await admitted(here, here.images.signed);
    await waitFor('the killed ones to be known', async () => {
      return !(await pods()).some((pod) => killed.includes(pod)) || undefined;
    });
    assert.deepEqual(await inForce(), [...CONFIGURATIONS]);
    assert.match(await here.refused(...tryPod(here.images.unsigned)), /denied the request/);
  });

  test('is written anew where somebody emptied or widened it', async () => {
    for (const patch of ['{"webhooks":[]}', '[{"op":"replace","path":"/webhooks/0/rules","value":[]}]']) {
      const type = patch.startsWith('[') ? 'json' : 'merge';
      await here.kubectl('patch', CONFIGURATIONS[1], 'cosignet', `--type=${type}`, `--patch=${patch}`);
      await waitFor('the webhooks', async () => (await inForce()).length === 2 || undefined);
    }
  });

  test('is not made anew where somebody deleted it', async () => {
    await here.kubectl('delete', CONFIGURATIONS.join(), 'cosignet');
    await here.kubectl('delete', BINDING, 'cosignet-digest-required');
    // Another leader finds it so.
    await here.kubectl('--namespace=cosignet', 'rollout', 'restart', 'deployment/cosignet');
    await waitFor('a replica that misses them', async () => {
      const answers = (await pods()).map(async (pod) => {
        const { metrics } = await addressesOf(here, pod);
        return `${(await fetch(`${metrics}/armed`)).status} ${/^leader_election_master_status\S* 1$/m.test(await (await fetch(`${metrics}/metrics`)).text())}`;
      });
      return (await Promise.all(answers)).includes('503 true') || undefined;
    });
    for (const kind of CONFIGURATIONS) assert.match(await here.refused('get', kind, 'cosignet'), /not found/);
    assert.equal(await bindings(), '');
  });

  test('comes back with the next upgrade', async () => {
    const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release), DIGEST_REQUIRED);
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(await inForce(), [...CONFIGURATIONS]);
    assert.notEqual(await bindings(), '');
  });

  test('may be written by nobody else, and Cosignet may write nothing else', async () => {
    const as = '--as=system:serviceaccount:cosignet:cosignet';
    for (const [verb, what, answer] of [
      ['patch', 'mutatingwebhookconfigurations/cosignet', 'yes'],
      ['patch', 'mutatingwebhookconfigurations/another', 'no'],
      ['create', 'mutatingwebhookconfigurations', 'no'],
      ['delete', 'mutatingwebhookconfigurations/cosignet', 'no'],
      ['create', `${BINDING}s`, 'no'],
      ['patch', `${BINDING}s/another`, 'no'],
    ] as const) {
      const { stdout } = await here.bench.kubectl(['auth', 'can-i', verb, what, as]);
      assert.equal(stdout.trim(), answer, `${verb} ${what}`);
    }
  });

  test('goes with the release', async () => {
    await here.kubectl('delete', 'pod', '--all');
    const { code, stdout, stderr } = await here.make('uninstall');
    assert.equal(code, 0, stdout + stderr);
    await waitFor('everything to be gone', async () => {
      assert.deepEqual(await inventory(here.bench), untouched);
      return true;
    });
  });
});
