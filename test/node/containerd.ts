// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface ContainerdOptions {
  /** Folder with containerd's shim and the network plugins. */
  readonly bin: string;
  /** For configuration and data; made if it isn't there. */
  readonly dir: string;
  /** Image of the sandbox that holds a Pod's namespaces. */
  readonly pause: string;
  /** `host:port`, over plain HTTP. */
  readonly registry: string;
  /** Network of Pods on this node. */
  readonly pods: string;
}

/** Beneath /run, which is the frame's own: a socket's path must be short. */
export const SOCKET = '/run/containerd/containerd.sock';

/** Writes containerd's configuration, with that of the network and the registry; its file. JSON strings are TOML's. */
export function writeContainerdConfig(options: ContainerdOptions): string {
  const { bin, dir, pause } = options;
  const at = (...segments: string[]) => path.join(dir, ...segments);
  mkdirSync(at(), { recursive: true });
  writeHosts(at('certs.d'), options.registry);
  writeNetwork(at('net.d'), options.pods);
  const text = JSON.stringify;
  const lines = [
    'version = 3',
    `root = ${text(at('root'))}`,
    'state = "/run/containerd"',
    '[grpc]',
    `address = ${text(SOCKET)}`,
    '[plugins."io.containerd.cri.v1.runtime"]',
    // Where this process may not lower the score of being killed, runc would fail for trying.
    'restrict_oom_score_adj = true',
    '[plugins."io.containerd.cri.v1.runtime".cni]',
    `bin_dirs = [${text(bin)}]`,
    `conf_dir = ${text(at('net.d'))}`,
    '[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]',
    'runtime_type = "io.containerd.runc.v2"',
    '[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]',
    'SystemdCgroup = false',
    '[plugins."io.containerd.cri.v1.images"]',
    'snapshotter = "overlayfs"',
    '[plugins."io.containerd.cri.v1.images".pinned_images]',
    `sandbox = ${text(pause)}`,
    '[plugins."io.containerd.cri.v1.images".registry]',
    `config_path = ${text(at('certs.d'))}`,
  ];
  writeFileSync(at('containerd.toml'), `${lines.join('\n')}\n`);
  return at('containerd.toml');
}

function writeHosts(dir: string, registry: string): void {
  mkdirSync(path.join(dir, registry), { recursive: true });
  writeFileSync(path.join(dir, registry, 'hosts.toml'), `server = "http://${registry}"\n`);
}

function writeNetwork(dir: string, pods: string): void {
  mkdirSync(dir, { recursive: true });
  const bridge = {
    type: 'bridge',
    bridge: 'pods0',
    isGateway: true,
    hairpinMode: true,
    ipam: { type: 'host-local', ranges: [[{ subnet: pods }]], routes: [{ dst: '0.0.0.0/0' }], dataDir: '/run/cni' },
  };
  const list = { cniVersion: '1.0.0', name: 'pods', plugins: [bridge] };
  writeFileSync(path.join(dir, '10-pods.conflist'), JSON.stringify(list));
}
