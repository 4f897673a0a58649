// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startRegistry } from '../e2e/workbench/registry.ts';
import { output, requireTools, ROOT, run, TOOLS } from '../e2e/workbench/tools.ts';
import type { Workbench } from '../e2e/workbench/workbench.ts';
import { readFrame } from './frame.ts';
import { startNodeCluster, type NodeCluster } from './node.ts';

export interface NodeWorkbench extends Workbench {
  readonly cluster: NodeCluster;
  /** `sha256:…` of the image that `make image` built, in the registry. */
  readonly digest: string;
}

/** A real node with a registry that holds what `make image` built. Its folder goes with the frame. */
export async function openNodeWorkbench(): Promise<NodeWorkbench> {
  const frame = readFrame();
  requireTools('etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm', 'cosign', 'crane');
  requireTools('referrers-registry', 'resident', 'containerd', 'kubelet', 'kube-proxy', 'kube-scheduler', 'bridge');
  const layout = path.join(ROOT, 'dist/image');
  if (!existsSync(layout)) throw new Error('dist/image is not there: run make image');
  const dir = mkdtempSync(path.join(tmpdir(), 'cosignet-node-'));
  const registry = await startRegistry(path.join(dir, 'registry'), {
    host: `${frame.address}:5000`,
    program: path.join(TOOLS, 'resident'),
  });
  const { host } = registry;
  const pushed = await output(['crane', 'push', layout, `${host}/cosignet:built`], { env: { HOME: dir } });
  const digest = pushed.slice(pushed.indexOf('@') + 1);
  const cluster = await startNodeCluster({
    frame,
    bin: TOOLS,
    dir: path.join(dir, 'cluster'),
    registry: host,
    pause: `${host}/base`,
  });
  const env = { KUBECONFIG: cluster.kubeconfig, HOME: dir };
  return {
    dir,
    cluster,
    registry,
    env,
    digest,
    values: [
      `--set=image.repository=${host}/cosignet`,
      `--set=image.digest=${digest}`,
      `--set=config.registries[0].host=${host}`,
      '--set=config.registries[0].insecure=true',
    ],
    kubectl: (args, input = '') => run(['kubectl', ...args], { env, input }),
    close: async () => {
      await cluster.stop();
      await registry.stop();
    },
  };
}
