// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** A node that really runs Pods, in a network of its own. */
export interface RealNode {
  readonly name: string;
  /** Of this machine in that network; everything listens on it. */
  readonly address: string;
  /** Network of ClusterIPs, which kube-proxy makes real: `10.96.0.0/16`. */
  readonly services: string;
  /** Network of Pods, which the bridge makes real. */
  readonly pods: string;
}

export function etcdFlags(dir: string, clients: number, peers: number): string[] {
  return [
    `--data-dir=${path.join(dir, 'etcd')}`,
    `--listen-client-urls=http://127.0.0.1:${clients}`,
    `--advertise-client-urls=http://127.0.0.1:${clients}`,
    `--listen-peer-urls=http://127.0.0.1:${peers}`,
    `--initial-advertise-peer-urls=http://127.0.0.1:${peers}`,
    `--initial-cluster=default=http://127.0.0.1:${peers}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
  ];
}

interface ApiServerFlags {
  readonly dir: string;
  readonly port: number;
  readonly clients: number;
  /** It listens on this address. */
  readonly address: string;
  /** Networks of ClusterIPs, where no real node has its own. */
  readonly services: string;
  readonly node: RealNode | undefined;
}

export function apiServerFlags({ dir, port, clients, address, services, node }: ApiServerFlags): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${clients}`,
    `--bind-address=${address}`,
    `--advertise-address=${address}`,
    `--secure-port=${port}`,
    `--cert-dir=${path.join(dir, 'certificates')}`,
    `--token-auth-file=${path.join(dir, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${path.join(dir, 'accounts.pub')}`,
    `--service-account-signing-key-file=${path.join(dir, 'accounts.key')}`,
    '--profiling=false',
    ...gatesOf(process.env['FEATURE_GATES']),
    ...(node === undefined ? loopbackFlags(services) : nodeFlags(node)),
  ];
}

/** `ImageVolume=true`: what an older version has, but switched off. */
function gatesOf(gates: string | undefined): string[] {
  return gates === undefined || gates === '' ? [] : [`--feature-gates=${gates}`];
}

function loopbackFlags(services: string): string[] {
  return ['--authorization-mode=RBAC', `--service-cluster-ip-range=${services}`, '--endpoint-reconciler-type=none'];
}

function nodeFlags({ services }: RealNode): string[] {
  return [
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--service-cluster-ip-range=${services}`,
    // No name service knows the node.
    '--kubelet-preferred-address-types=InternalIP',
  ];
}

/** `plugins`: as in an AdmissionConfiguration, `{name, configuration}`. */
export function admissionFlags(dir: string, plugins: readonly object[]): string[] {
  const file = path.join(dir, 'admission.json');
  writeFileSync(
    file,
    JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AdmissionConfiguration', plugins }),
  );
  return [`--admission-control-config-file=${file}`];
}

export function auditFlags(dir: string): string[] {
  const policy = path.join(dir, 'audit-policy.json');
  const workloads = [
    { group: '', resources: ['pods', 'pods/ephemeralcontainers'] },
    { group: 'apps', resources: ['*'] },
    { group: 'batch', resources: ['*'] },
  ];
  const ours = [
    { group: '', resources: ['secrets'] },
    { group: 'cosignet.dev', resources: ['*'] },
    { group: 'coordination.k8s.io', resources: ['leases'] },
    { group: 'admissionregistration.k8s.io', resources: ['*'] },
  ];
  const rules = [
    { level: 'Metadata', verbs: ['create', 'update', 'patch'], resources: [...workloads, ...ours] },
    { level: 'None' },
  ];
  const omitStages = ['RequestReceived'];
  writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages, rules }));
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${path.join(dir, 'logs', 'audit.log')}`];
}

interface ManagerFlags {
  readonly dir: string;
  readonly kubeconfig: string;
  readonly caFile: string;
  readonly node: RealNode | undefined;
}

export function managerFlags({ dir, kubeconfig, caFile, node }: ManagerFlags): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--root-ca-file=${caFile}`,
    `--service-account-private-key-file=${path.join(dir, 'accounts.key')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    '--secure-port=0',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
    ...(node === undefined
      ? // The node of the harness sends no heartbeats.
        ['--controllers=*,-node-lifecycle-controller']
      : ['--allocate-node-cidrs', `--cluster-cidr=${node.pods}`, `--service-cluster-ip-range=${node.services}`]),
  ];
}
