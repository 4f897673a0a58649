// SPDX-License-Identifier: Apache-2.0
import type { V1Pod } from '@kubernetes/client-node';
import { ApiFailure, follow } from './api.ts';
import type { PodAddresses } from './addresses.ts';
import { startPodProcess, type PodHost, type PodProcess } from './pod-process.ts';

const NODE_NAME = 'loopback';
/** None that a Pod has: none is in the node's network. */
const HOST_IP = '127.0.0.1';

export interface NodeOptions {
  readonly host: PodHost;
  readonly addresses: PodAddresses;
  /** Pods that really run, as processes of this machine. All others only say that they do. */
  readonly runs: (pod: V1Pod) => boolean;
  readonly report: (line: string) => void;
}

/** A miniature scheduler and kubelet: one node that takes every Pod. */
export interface MiniatureNode {
  /** Ends all processes that it runs. */
  stop(): Promise<void>;
}

export async function startNode({ host, addresses, runs, report }: NodeOptions): Promise<MiniatureNode> {
  const { api } = host;
  const stopping = new AbortController();
  const seen = new Set<string>();
  const gone = new Set<string>();
  const processes = new Map<string, PodProcess>();
  let count = 0;
  await registerNode();
  const following = follow<V1Pod>(api, {
    path: '/api/v1/pods',
    signal: stopping.signal,
    onChange: (pod) => run(pod, handle(pod)),
    onDelete: (pod) => run(pod, end(pod, 0)),
  });

  return {
    stop: async () => {
      stopping.abort();
      await Promise.all([...processes.values()].map((process) => process.stop(0)));
      await following;
    },
  };

  async function registerNode(): Promise<void> {
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME } };
    await api.post('/api/v1/nodes', node);
    const resources = { cpu: '64', memory: '256Gi', pods: '1000' };
    await api.patch(`/api/v1/nodes/${NODE_NAME}/status`, {
      status: { capacity: resources, allocatable: resources, conditions: [condition('Ready', true)] },
    });
  }

  /** What a Pod's deletion overtook is no failure. */
  function run(pod: V1Pod, work: Promise<void>): void {
    work.catch((error: unknown) => {
      const overtaken = error instanceof ApiFailure && (error.status === 404 || error.status === 409);
      if (!overtaken && !stopping.signal.aborted) report(`${pod.metadata?.name}: ${String(error)}`);
    });
  }

  async function handle(pod: V1Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? '';
    if (pod.metadata?.deletionTimestamp) return finalise(pod);
    if (!pod.spec?.nodeName) return bind(pod);
    if (seen.has(uid)) return;
    seen.add(uid);
    await start(pod);
  }

  async function bind(pod: V1Pod): Promise<void> {
    await api.post(`${pathOf(pod)}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.metadata?.name },
      target: { apiVersion: 'v1', kind: 'Node', name: NODE_NAME },
    });
  }

  async function start(pod: V1Pod): Promise<void> {
    const address = addresses.address(++count);
    const uid = pod.metadata?.uid ?? '';
    if (!runs(pod)) return setStatus(pod, address, true);
    await setStatus(pod, address, false);
    const placed = { status: Object.assign({}, pod.status, { podIP: address, hostIP: HOST_IP }) };
    const process = await startPodProcess(host, Object.assign({}, pod, placed), addresses.loopback(address));
    if (gone.has(uid) || stopping.signal.aborted) return process.stop(0);
    processes.set(uid, process);
    // One after the other: what was said before the end must not arrive after it, and bring the Pod back to life.
    let written: Promise<void> = Promise.resolve();
    const write = (status: () => Promise<void>): void => {
      written = written.then(status, status);
      run(pod, written);
    };
    process.onReady((ready) => write(() => setStatus(pod, address, ready)));
    void process.ended.then((code) => {
      if (gone.has(uid) || stopping.signal.aborted) return;
      const finished = code === 0 && pod.spec?.restartPolicy === 'Never';
      if (!finished) report(`${pod.metadata?.name} ended with ${code}`);
      // No restarts: a test should see it. The Deployment's controller makes another Pod.
      write(() => api.patch(`${pathOf(pod)}/status`, { status: { phase: finished ? 'Succeeded' : 'Failed' } }));
    });
  }

  async function finalise(pod: V1Pod): Promise<void> {
    await end(pod, pod.metadata?.deletionGracePeriodSeconds ?? 30);
    await api.delete(pathOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata?.uid } });
  }

  async function end(pod: V1Pod, graceSeconds: number): Promise<void> {
    const uid = pod.metadata?.uid ?? '';
    gone.add(uid);
    await processes.get(uid)?.stop(graceSeconds);
    processes.delete(uid);
  }

  async function setStatus(pod: V1Pod, address: string, ready: boolean): Promise<void> {
    const startedAt = new Date().toISOString();
    await api.patch(`${pathOf(pod)}/status`, {
      status: {
        phase: 'Running',
        podIP: address,
        hostIP: HOST_IP,
        podIPs: [{ ip: address }],
        startTime: startedAt,
        conditions: [
          condition('PodScheduled', true),
          condition('Initialized', true),
          condition('ContainersReady', ready),
          condition('Ready', ready),
        ],
        containerStatuses: pod.spec?.containers.map(({ name, image }) => ({
          name,
          image,
          imageID: '',
          ready,
          started: true,
          restartCount: 0,
          state: { running: { startedAt } },
        })),
      },
    });
  }
}

function condition(type: string, holds: boolean) {
  const now = new Date().toISOString();
  return {
    type,
    status: holds ? 'True' : 'False',
    reason: 'Loopback',
    lastTransitionTime: now,
    lastHeartbeatTime: now,
  };
}

function pathOf(pod: V1Pod): string {
  return `/api/v1/namespaces/${pod.metadata?.namespace}/pods/${pod.metadata?.name}`;
}
