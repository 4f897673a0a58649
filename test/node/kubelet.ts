// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SOCKET } from './containerd.ts';

export interface KubeletOptions {
  readonly dir: string;
  /** The group beneath which Pods are limited; without `/`. */
  readonly cgroup: string;
}

/** Writes the kubelet's configuration; its file. JSON is YAML. */
export function writeKubeletConfig({ dir, cgroup }: KubeletOptions): string {
  mkdirSync(dir, { recursive: true });
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${SOCKET}`,
    // Nobody else is in the frame, and the API server has no certificate to show.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    failCgroupV1: existsSync('/sys/fs/cgroup/cgroup.controllers'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    // The machine is shared with the tests: nothing is set aside, and nobody evicted for want of room.
    enforceNodeAllocatable: [],
    evictionHard: { 'memory.available': '1Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    imageGCHighThresholdPercent: 100,
    failSwapOn: false,
    // No name service is there.
    resolvConf: '',
    podLogsDir: path.join(dir, 'logs'),
    volumePluginDir: path.join(dir, 'plugins'),
    // Tests wait for what the kubelet sees.
    syncFrequency: '5s',
    nodeStatusUpdateFrequency: '2s',
    crashLoopBackOff: { maxContainerRestartPeriod: '2s' },
  };
  const file = path.join(dir, 'kubelet.json');
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}

/** kube-proxy's configuration; its file. */
export function writeProxyConfig(dir: string, kubeconfig: string): string {
  mkdirSync(dir, { recursive: true });
  const config = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    mode: 'nftables',
    // On one bridge an answer would go straight back, past the translation of addresses.
    nftables: { masqueradeAll: true },
    // Zeros: it sets nothing of the kernel's.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
  };
  const file = path.join(dir, 'proxy.json');
  writeFileSync(file, JSON.stringify(config, null, 2));
  return file;
}
