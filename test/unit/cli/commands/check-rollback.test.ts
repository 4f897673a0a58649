// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { FakeApiServer } from '../../../fakes/api-server.ts';
import { kubeconfigFor } from '../../../fakes/kubeconfig.ts';
import { runCaptured } from '../captured-terminal.ts';

const CLUSTER = '/apis/cosignet.dev/v1/imagepolicies';
const OF_NAMESPACES = '/apis/cosignet.dev/v1/namespacedimagepolicies';

describe('cosignet check-rollback', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-'));
  const kubeconfig = path.join(dir, 'kubeconfig');
  let server: FakeApiServer;

  before(async () => {
    server = await new FakeApiServer().start();
    writeFileSync(kubeconfig, kubeconfigFor(server));
  });
  after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true });
  });
  beforeEach(() => {
    server.fault = () => undefined;
    put(CLUSTER, { name: 'plain' }, { images: ['**'], action: 'Deny' });
  });

  const put = (collection: string, metadata: { name: string; namespace?: string }, spec: Record<string, unknown>) =>
    server.put(collection, { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata, spec });
  const check = (...flags: readonly string[]) => runCaptured(['check-rollback', '--kubeconfig', kubeconfig, ...flags]);

  test('has nothing to say of policies that this release has all fields of', async () => {
    const { code, out, err } = await check();
    assert.deepEqual([code, out, err], [0, '', '']);
  });

  test('lets go back where the kind is gone, and does not where it could not look', async () => {
    server.fault = () => ({ status: 404 });
    assert.equal((await check()).code, 0);
    server.fault = () => ({ status: 500 });
    assert.equal((await check()).code, 3);
  });

  test("does not let go back where it may not see the policies of namespaces, unless they don't matter", async () => {
    server.fault = (seen) => (seen.path.includes('namespacedimagepolicies') ? { status: 403 } : undefined);
    const refused = await check();
    assert.equal(refused.code, 3);
    assert.match(refused.err, /403/);
    const { code, err } = await check('--no-namespaced-policies');
    assert.equal(code, 0);
    assert.match(err, /NamespacedImagePolicies add is left out/);
    // Those of the cluster always matter.
    server.fault = (seen) => (seen.path.includes('/imagepolicies') ? { status: 403 } : undefined);
    assert.equal((await check('--no-namespaced-policies')).code, 3);
  });

  test('names each field that it lacks, of policies of either kind, at any depth', async () => {
    put(CLUSTER, { name: 'newer' }, { images: ['**'], keys: [{ pem: 'x', later: 1 }] });
    put(OF_NAMESPACES, { name: 'own', namespace: 'team' }, { images: ['**'], action: 'Deny', more: true });
    const { code, out } = await check();
    assert.equal(code, 1);
    const lines = out.split('\n').slice(1, -1);
    assert.deepEqual(lines.toSorted(), [
      '  ImagePolicy newer: spec.keys[0].later',
      '  NamespacedImagePolicy team/own: spec.more',
    ]);
  });
});
