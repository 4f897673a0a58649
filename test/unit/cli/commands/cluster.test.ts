// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { kubeconfigFor } from '../../../fakes/kubeconfig.ts';
import { publicKeyFile } from '../../../vectors/cosign/layout-registry.ts';
import { runCaptured } from '../captured-terminal.ts';

const POLICIES = '/apis/cosignet.dev/v1/imagepolicies';
const OWN_POLICIES = '/apis/cosignet.dev/v1/namespacedimagepolicies';
const apiVersion = 'cosignet.dev/v1';

describe('commands by what a cluster has', () => {
  const api = new FakeApiServer();
  let folder: string;
  let kubeconfig: string;

  before(async () => {
    await api.start();
    folder = await mkdtemp(path.join(tmpdir(), 'cosignet-'));
    kubeconfig = path.join(folder, 'kubeconfig');
    await writeFile(kubeconfig, kubeconfigFor(api, { user: { token: 't' }, namespace: 'shop' }));
    for (const [name, tier] of [
      ['shop', 'gold'],
      ['play', 'none'],
      ['hidden', 'none'],
    ] as const) {
      const labels = { tier, 'kubernetes.io/metadata.name': name };
      api.put('/api/v1/namespaces', { metadata: { name, labels } });
    }
    const keys = [{ name: 'release', pem: publicKeyFile('release') }];
    api.put(POLICIES, { apiVersion, metadata: { name: 'all' }, spec: { images: ['nginx'], action: 'Allow' } });
    const namespaceSelector = { matchLabels: { tier: 'gold' } };
    api.put(POLICIES, { apiVersion, metadata: { name: 'gold' }, spec: { images: ['nginx'], keys, namespaceSelector } });
    const metadata = { name: 'own', namespace: 'shop' };
    api.put(OWN_POLICIES, { apiVersion, metadata, spec: { images: ['*'], action: 'Deny' } });
    const config = 'unmatchedImages: Allow\nexcludedNamespaces: [hidden]\n';
    api.put('/api/v1/namespaces/cosignet/configmaps', {
      metadata: { name: 'cosignet', namespace: 'cosignet', labels: { 'app.kubernetes.io/name': 'cosignet' } },
      data: { 'config.yaml': config },
    });
    for (const [namespace, name, image] of [
      ['play', 'web', 'nginx'],
      ['hidden', 'agent', 'agent'],
    ] as const) {
      const labels = { 'pod-template-hash': '5d9' };
      const ownerReferences = [{ kind: 'ReplicaSet', name: `${name}-5d9`, controller: true }];
      const pod = { metadata: { name, namespace, labels, ownerReferences }, spec: { containers: [{ name, image }] } };
      api.put('/api/v1/pods', pod);
    }
  });
  after(async () => {
    await api.stop();
    await rm(folder, { recursive: true });
  });

  const run = (command: string, ...args: string[]) => runCaptured([command, '--kubeconfig', kubeconfig, ...args]);

  test('explain goes by its policies, its configuration, and the labels of the namespace', async () => {
    const there = await run('explain', 'nginx');
    assert.deepEqual([there.code, there.err], [0, '']);
    assert.match(there.out, /^docker\.io\/library\/nginx:latest {2}in namespace shop\n/);
    assert.match(there.out, /gold: requires a signature by key "release"/);
    assert.match(there.out, /shop\/own: denies it/);
    const elsewhere = await run('explain', '-n', 'play', 'nginx');
    assert.doesNotMatch(elsewhere.out, /gold: requires|shop\/own/);
    assert.match((await run('explain', 'redis', '-n', 'play')).out, /admitted \(unmatchedImages: Allow\)/);
    assert.equal(
      (await run('explain', '-n', 'play', '--namespace-label', 'tier=gold', 'nginx')).out.includes('gold: requires'),
      true,
    );
  });

  test('explain tells of every namespace, and what scripts read', async () => {
    const { code, out } = await run('explain', '-A', '-o', 'json', 'nginx');
    assert.equal(code, 0);
    const read: { namespace: string; covered: boolean; policies: { name: string; applies: boolean }[] }[] =
      JSON.parse(out);
    assert.deepEqual(
      read.map(({ namespace, policies }) => [
        namespace,
        policies.filter(({ applies }) => applies).map(({ name }) => name),
      ]),
      [
        ['hidden', ['all']],
        ['play', ['all']],
        ['shop', ['all', 'gold', 'shop/own']],
      ],
    );
  });

  test('verify goes by them where neither policies nor keys are given', async () => {
    const { code, out } = await run('verify', '-n', 'play', 'nginx');
    assert.equal(code, 0, out);
    assert.match(out, /AllowedByPolicy/);
    assert.match((await run('verify', '-n', 'shop', 'nginx')).out, /DeniedByPolicy/);
  });

  test('scan follows its configuration, not only ours', async () => {
    const { code, out, err } = await run('scan', '-A', '-o', 'json');
    assert.deepEqual([code, err], [0, '']);
    const { images }: { images: { pods: object[] }[] } = JSON.parse(out);
    const web = { namespace: 'play', name: 'web', workload: 'Deployment web' };
    assert.deepEqual(
      images.flatMap(({ pods }) => pods),
      [web],
    );
    const config = path.join(folder, 'own.yaml');
    await writeFile(config, 'unmatchedImages: Deny\nexcludedNamespaces: []\n');
    const own = await run('scan', '--config', config);
    assert.equal(own.code, 1);
    assert.match(own.out, /denied +NoPolicy +1 +docker\.io\/library\/agent:latest/);
  });

  for (const [what, args, sentence] of [
    ['a namespace that is not there', ['scan', '-n', 'shpo'], /the cluster has no namespace "shpo"/],
    ['both a namespace and all', ['scan', '-n', 'shop', '-A'], /either --namespace or --all-namespaces/],
    ['both for an explanation', ['explain', '-n', 'shop', '-A', 'x'], /either --namespace or --all-namespaces/],
    ['a context that is not there', ['explain', '--context', 'nowhere', 'x'], /no context "nowhere"/],
  ] as const) {
    test(`${what} is a mistake, and not an empty answer`, async () => {
      const [command, ...rest] = args;
      const { code, out, err } = await run(command, ...rest);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, sentence);
    });
  }

  test('labels that no Pod has are a mistake too', async () => {
    const web = api.get('/api/v1/pods', 'web');
    api.remove('/api/v1/pods', 'web');
    api.remove('/api/v1/pods', 'agent');
    try {
      const { code, out, err } = await run('scan', '-l', 'app=nothing');
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, /no running Pod matches: Pods of all namespaces, app=nothing/);
      // A cluster in which nothing runs is none.
      assert.equal((await run('scan')).code, 0);
    } finally {
      if (web) api.put('/api/v1/pods', web);
    }
  });
});
