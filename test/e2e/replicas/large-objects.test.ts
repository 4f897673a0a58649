// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { V1Pod } from '@kubernetes/client-node';
import type { ObjectList } from '../../control-plane/api.ts';
import { boundMemory, type MemoryBound } from '../../control-plane/memory-bound.ts';
import { waitFor } from '../../control-plane/process.ts';
import {
  admitted,
  install,
  openInstallation,
  policyReady,
  tryPod,
  type Installation,
} from '../workbench/installation.ts';

const PODS = 58;
const POLICIES = 9;
/** Three bytes each as JSON, some sixty as an object. */
const EMPTY = Array.from({ length: 450_000 }, () => ({}));
const TOLERATIONS = Array.from({ length: 60_000 }, () => ({ operator: 'Exists' }));

/** What one tenant may store is listed by each replica when it starts: it must not keep all of them from starting. */
const skip = process.getuid?.() !== 0 && 'control groups are made by root';

describe(
  'a namespace full of objects that are as large as can be, and replicas with the memory of the chart',
  { skip },
  () => {
    let here: Installation;
    let memory: MemoryBound;
    before(async () => {
      const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-'));
      memory = boundMemory(dir);
      here = await openInstallation(dir, { node: memory.node });
      await here.kubectl('create', 'namespace', 'team');
      const { api } = here.bench.cluster;
      const containers = [{ name: 'main', image: here.images.signed.tag }];
      for (let index = 0; index < PODS; index++) {
        const pod = { metadata: { name: `large-${index}` }, spec: { containers, tolerations: TOLERATIONS } };
        await api.post('/api/v1/namespaces/team/pods', pod);
      }
      await install(here);
      for (let index = 0; index < POLICIES; index++) {
        const attestations = [{ name: 'sbom', predicateType: 'https://spdx.dev/Document', schema: { anyOf: EMPTY } }];
        const images = [here.images.signed.tag.replace(/:1\.0$/, '')];
        const spec = { images, keys: [{ pem: here.release.publicKey }], attestations };
        const metadata = { name: `large-${index}` };
        const body = { apiVersion: 'cosignet.dev/v1', kind: 'NamespacedImagePolicy', metadata, spec };
        await api.post('/apis/cosignet.dev/v1/namespaces/team/namespacedimagepolicies', body);
      }
    });
    after(async () => {
      await here.close();
      memory.close();
    });

    test('cost no replica its life, at its start or later, and nobody else an admission', async () => {
      const own = (...args: readonly string[]) => here.kubectl('--namespace=cosignet', ...args);
      await own('rollout', 'restart', 'deployment/cosignet');
      await own('rollout', 'status', 'deployment/cosignet', '--timeout=300s');
      await admitted(here, here.images.signed);
      await waitFor(
        'the scan of the large Pods, by which the leader has read them too',
        async () => {
          const field = '.status.affected.wouldDeny';
          const found = await here.read('team:namespacedimagepolicies.cosignet.dev/large-0', field);
          return Number(found) >= PODS || undefined;
        },
        { timeout: 300_000 },
      );
      const { items } = await here.bench.cluster.api.get<ObjectList<V1Pod>>('/api/v1/namespaces/cosignet/pods');
      // A replica of before may still be ending.
      const states = items.map(
        ({ status }) => `${status?.phase}, ${status?.containerStatuses?.[0]?.restartCount} restarts`,
      );
      assert.deepEqual([...new Set(states)], ['Running, 0 restarts']);
    });

    test('are policies that deny what they claim, and say why', async () => {
      const { code, stderr } = await here.bench.kubectl([...tryPod(here.images.signed), '--namespace=team']);
      assert.notEqual(code, 0);
      assert.match(stderr, /large-\d/);
      const message = '.status.conditions[?(@.type=="Ready")].message';
      assert.match(
        await here.read('team:namespacedimagepolicies.cosignet.dev/large-0', message),
        /is longer than 262144 bytes and was not read/,
      );
      await policyReady(here.kubectl, 'default');
    });
  },
);
