// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../control-plane/process.ts';
import { install, openInstallation, tryPod, type Installation } from './installation.ts';

const DENIED = /denied request: these images are not pinned to a digest .*: /;
const DIGEST = `@sha256:${'0'.repeat(64)}`;

describe('the belt that requires digests', () => {
  let here: Installation;
  const apply = async (spec: object, namespace = 'shop') => {
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried', namespace }, spec };
    const { code, stderr } = await here.apply(pod, '--dry-run=server');
    return code === 0 ? 'admitted' : stderr;
  };
  const container = (image: string, name = 'main') => ({ name, image });

  before(async () => {
    here = await openInstallation();
    await here.kubectl('create', 'namespace', 'open');
    await install(here, '--set=digestRequired.enabled=true', '--set=digestRequired.excludedNamespaces={open}');
  });
  after(() => here.close());

  test('is satisfied by a tag that was verified, because it is judged after it was pinned', async () => {
    await here.kubectl('run', 'signed', `--image=${here.images.signed.tag}`);
    assert.equal(await here.read('pod/signed', '.spec.containers[0].image'), here.images.signed.pinned);
  });

  test('refuses unpinned images of every kind when the webhook configurations are gone', async () => {
    await here.kubectl('delete', 'mutatingwebhookconfigurations,validatingwebhookconfigurations', 'cosignet');
    await waitFor('the webhooks to be forgotten', async () => {
      return DENIED.test(await apply({ containers: [container('nginx:1')] })) || undefined;
    });
    const pinned = container(`nginx:1${DIGEST}`);
    const loose = container('quay.io/x/loose:1', 'loose');
    const volume = (reference: string) => ({ name: 'goods', image: { reference } });
    const pods: readonly object[] = [
      { containers: [pinned, loose] },
      { containers: [pinned], initContainers: [loose] },
      { containers: [pinned], initContainers: [{ ...loose, restartPolicy: 'Always' }] },
      { containers: [pinned], volumes: [volume('quay.io/x/loose:1')] },
      { containers: [pinned, container(`quay.io/x/loose:1@sha256:abc`, 'loose')] },
      { containers: [pinned, container(`quay.io/x/loose${DIGEST}:latest`, 'loose')] },
    ];
    for (const pod of pods) {
      const said = await apply(pod);
      assert.match(said, DENIED);
      assert.ok(said.includes('quay.io/x/loose') && !said.includes('nginx'), said);
    }
    const all = {
      containers: [pinned],
      initContainers: [{ ...pinned, name: 'first' }],
      volumes: [volume(`v${DIGEST}`)],
    };
    assert.equal(await apply(all), 'admitted');
  });

  test('sees ephemeral containers, and changed images of Pods that run', async () => {
    const debug = ['debug', 'pod/signed', '--target=signed', '--profile=general', '--attach=false', '--quiet'];
    assert.match(await here.refused(...debug, '--image=busybox:1'), /not pinned to a digest .*busybox:1/);
    await here.kubectl(...debug, `--image=busybox:1${DIGEST}`);
    assert.match(
      await here.refused('set', 'image', 'pod/signed', 'signed=nginx:1'),
      /not pinned to a digest .*nginx:1/,
    );
  });

  test('leaves excluded namespaces alone', async () => {
    for (const namespace of ['open', 'kube-system', 'cosignet']) {
      assert.equal(await apply({ containers: [container('nginx:1')] }, namespace), 'admitted', namespace);
    }
  });

  test('lets Pods from before it be labelled, debugged and deleted, and only warns where told so', async () => {
    const set = async (...flags: string[]) => {
      const { code, stdout, stderr } = await here.make('install', '--reuse-values', ...flags);
      assert.equal(code, 0, stdout + stderr);
    };
    await set('--set=digestRequired.enabled=false', '--set=config.enforcement=Audit');
    await waitFor('the belt to be gone', async () => {
      const { code, stderr } = await here.bench.kubectl(['run', 'old', '--image=nginx:1']);
      if (code !== 0) throw new Error(stderr);
      return true;
    });
    await set('--set=digestRequired.enabled=true');
    await waitFor(
      'the belt',
      async () => DENIED.test(await apply({ containers: [container('nginx:1')] })) || undefined,
    );
    await here.kubectl('label', 'pod', 'old', 'tier=back');
    await here.kubectl('debug', 'pod/old', '--profile=general', '--attach=false', `--image=busybox:1${DIGEST}`);
    assert.match(await here.refused('set', 'image', 'pod/old', 'old=nginx:2'), /nginx:2/);
    await here.kubectl('delete', 'pod', 'old');
    await set('--set=digestRequired.action=Warn');
    await waitFor('a warning', async () => {
      const { code, stderr } = await here.bench.kubectl(tryPod('nginx:1'));
      return (code === 0 && stderr.includes('not pinned to a digest')) || undefined;
    });
  });
});
