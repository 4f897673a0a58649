// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startCluster, type ClusterOptions } from '../../control-plane/cluster.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { NODE_FLAGS } from '../../../release/image.ts';
import { startRegistry, type Registry } from './registry.ts';
import { requireTools, ROOT, run, TOOLS, type Outcome } from './tools.ts';

/** A cluster, a registry, and the real clients that talk to them. */
export interface Workbench {
  readonly dir: string;
  readonly cluster: ControlPlane;
  readonly registry: Registry;
  /** Environment with which helm, kubectl and make see only this cluster. */
  readonly env: Readonly<Record<string, string>>;
  /** Values that this machine asks for, as arguments of helm. */
  readonly values: readonly string[];
  /** Whatever the exit code. */
  kubectl(this: void, args: readonly string[], input?: string): Promise<Outcome>;
  close(this: void): Promise<void>;
}

export interface WorkbenchOptions extends Pick<ClusterOptions, 'admission' | 'audit' | 'ipv6' | 'reach'> {
  /** What runs the program in the Pods; left out, this Node. */
  readonly node?: string;
}

/**
 * COSIGNET_PROGRAM: what runs in the Pods instead of the sources, such as dist/cosignet.js.
 * KEEP: the folder stays, for its logs.
 */
export async function openWorkbench(
  dir = mkdtempSync(path.join(tmpdir(), 'cosignet-')),
  { node = process.execPath, ...options }: WorkbenchOptions = {},
): Promise<Workbench> {
  requireTools('etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl', 'helm');
  requireTools('cosign', 'crane', 'referrers-registry');
  const clean = () => {
    if (process.env['KEEP'] === undefined) rmSync(dir, { recursive: true, force: true });
    else console.error(`kept ${dir}`);
  };
  process.once('exit', clean);
  const registry = await startRegistry(path.join(dir, 'registry'));
  const program = path.resolve(ROOT, process.env['COSIGNET_PROGRAM'] ?? 'cli/main.ts');
  const cluster = await startCluster({
    ...options,
    bin: TOOLS,
    dir: path.join(dir, 'cluster'),
    // What ships runs as the image runs it; sources need more of Node than that allows.
    entrypoint: [node, ...(program.startsWith(path.join(ROOT, 'dist')) ? NODE_FLAGS : []), program],
  }).catch(async (error: unknown) => {
    await registry.stop();
    throw error;
  });
  const env = { KUBECONFIG: cluster.kubeconfig, HOME: dir };
  return {
    dir,
    cluster,
    registry,
    env,
    values: [
      // Pods are processes here, and pull nothing.
      '--set=image.repository=registry.example/cosignet',
      `--set=config.registries[0].host=${registry.host}`,
      '--set=config.registries[0].insecure=true',
      ...((await mayListenOn(443)) ? [] : ['--set=service.port=8443']),
    ],
    kubectl: (args, input = '') => run(['kubectl', ...args], { env, input }),
    close: async () => {
      await cluster.stop();
      await registry.stop();
      process.off('exit', clean);
      clean();
    },
  };
}

/** Services listen on this machine, where low ports may need privileges that tests don't have. */
function mayListenOn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.127.0.1', () => server.close(() => resolve(true)));
  });
}
