// SPDX-License-Identifier: Apache-2.0
import type { V1Node } from '@kubernetes/client-node';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { startControlPlane, type ControlPlane } from '../control-plane/control-plane.ts';
import type { RealNode } from '../control-plane/flags.ts';
import { startProgram, tail, waitFor, type Running } from '../control-plane/process.ts';
import { SOCKET, writeContainerdConfig } from './containerd.ts';
import type { Frame } from './frame.ts';
import { writeKubeletConfig, writeProxyConfig } from './kubelet.ts';

const SERVICES = '10.96.0.0/16';
const PODS = '10.99.0.0/16';
const NAME = 'n1';

export interface NodeOptions {
  readonly frame: Frame;
  /** Folder with the binaries. */
  readonly bin: string;
  readonly dir: string;
  /** `host:port`, over plain HTTP. */
  readonly registry: string;
  /** Image of the sandbox that holds a Pod's namespaces. */
  readonly pause: string;
}

/** A control plane, and a node on which the real kubelet runs Pods in the real containerd. */
export interface NodeCluster extends ControlPlane {
  /** The kubelet alone ends and starts again; containers run on. */
  restartKubelet(): Promise<void>;
  /** As if the power failed and came back: kubelet, containerd and every container end without a word. */
  crash(): Promise<void>;
  /** Of the processes of Cosignet's Pods: all, or those of one Pod. */
  replicas(pod?: string): readonly number[];
}

export async function startNodeCluster(options: NodeOptions): Promise<NodeCluster> {
  const { frame, bin, dir, registry, pause } = options;
  const node: RealNode = { name: NAME, address: frame.address, services: SERVICES, pods: PODS };
  const plane = await startControlPlane({ bin, dir, node });
  const at = (...segments: string[]) => path.join(dir, ...segments);
  mkdirSync(at('kubelet'), { recursive: true });
  const containerdFile = writeContainerdConfig({ bin, dir: at('containerd'), pause, registry, pods: PODS });
  const commands = {
    containerd: ['--config', containerdFile],
    kubelet: [
      `--config=${writeKubeletConfig({ dir: at('kubelet'), cgroup: frame.cgroup })}`,
      `--kubeconfig=${plane.kubeconfigOf('kubelet')}`,
      `--hostname-override=${NAME}`,
      `--node-ip=${frame.address}`,
    ],
    'kube-scheduler': [`--kubeconfig=${plane.kubeconfigOf('scheduler')}`, '--leader-elect=false', '--secure-port=0'],
    'kube-proxy': [
      `--config=${writeProxyConfig(at('kube-proxy'), plane.kubeconfigOf('proxy'))}`,
      `--hostname-override=${NAME}`,
    ],
  } as const;
  type Component = keyof typeof commands;
  const running = new Map<Component, Running>();
  // containerd looks for its shim, and the plugins for their tools, where PATH says.
  const env = { ...process.env, PATH: `${bin}:/usr/sbin:/sbin:${process.env['PATH'] ?? ''}` };
  const start = (name: Component) => {
    const command = [path.join(bin, name), ...commands[name]] as const;
    running.set(name, startProgram({ command: [...command], log: at('logs', `${name}.log`), env: definedOnly(env) }));
  };
  /** A kubelet that finds no runtime ends at once. */
  const startContainerd = async () => {
    start('containerd');
    await waitFor('containerd to listen', async () => (await listens(SOCKET)) || undefined);
  };
  const kill = async (name: Component) => running.get(name)?.stop(0);

  const ready = async () => {
    // What the kubelet keeps up is there from the start, for who compares what a cluster holds.
    await plane.api.get(`/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${NAME}`);
    const { status } = await plane.api.get<V1Node>(`/api/v1/nodes/${NAME}`);
    return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') || undefined;
  };
  const stop = async () => {
    for (const name of ['kubelet', 'kube-proxy', 'kube-scheduler'] as const) await kill(name);
    await endContainers();
    await kill('containerd');
    await plane.stop();
  };

  try {
    await startContainerd();
    for (const name of ['kube-scheduler', 'kube-proxy', 'kubelet'] as const) start(name);
    await waitFor('the node to be ready', ready, { timeout: 180_000, interval: 200 });
  } catch (error) {
    const logs = await Promise.all(
      Object.keys(commands).map(async (name) => `--- ${name}\n${await tail(at('logs', `${name}.log`))}`),
    );
    await stop();
    throw new Error(`the node did not get ready\n${logs.join('\n')}`, { cause: error });
  }
  return {
    ...plane,
    replicas: (pod = '') => {
      const here = new Set(processesWhere('environ', (text) => text.includes(`POD_NAME=${pod}`)));
      return processesWhere('cmdline', (text) => text.includes('/app/cosignet.js serve')).filter((pid) =>
        here.has(pid),
      );
    },
    restartKubelet: async () => {
      await kill('kubelet');
      start('kubelet');
    },
    crash: async () => {
      await kill('kubelet');
      await kill('containerd');
      await endContainers();
      await startContainerd();
      start('kubelet');
    },
    stop,
  };

  /** The shims, and what they watch over. Nobody else's: these are the frame's own processes. */
  async function endContainers(): Promise<void> {
    await waitFor('all containers to end', async () => {
      const shims = processesWhere('cmdline', (text) => text.includes('containerd-shim-runc-v2'));
      const contained = processesWhere('cgroup', (text) => text.includes(`/${frame.cgroup}/`));
      for (const pid of [...shims, ...contained]) endQuietly(pid);
      return shims.length + contained.length === 0 || undefined;
    });
  }
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('error', () => resolve(false));
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
  });
}

function endQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

/** Their numbers. All that can be seen are the frame's own. */
function processesWhere(file: 'cmdline' | 'cgroup' | 'environ', holds: (text: string) => boolean): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return holds(readFileSync(`/proc/${pid}/${file}`, 'utf8').replaceAll('\0', ' '));
      } catch {
        return false;
      }
    })
    .map(Number);
}
