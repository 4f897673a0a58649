// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { connectApi, type Api } from './api.ts';
import { freePort, startProgram, tail, waitFor, type Running } from './process.ts';

/** etcd, kube-apiserver and kube-controller-manager on loopback: the real ones, without containers. */
export interface ControlPlane {
  /** `https://127.0.0.1:port`. */
  readonly server: string;
  readonly caFile: string;
  /** File with the rights of system:masters. */
  readonly kubeconfig: string;
  /** With the same rights. */
  readonly api: Api;
  /** Second octet of the loopback network of ClusterIPs: `127.<octet>.0.0/16`. */
  readonly serviceOctet: number;
  /** Ends all of it. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  /** Folder with the binaries. */
  readonly bin: string;
  /** Folder for data, keys and logs; made if it isn't there. */
  readonly dir: string;
  /** Writes `logs/audit.log`: who made or changed what holds images, or what Cosignet writes; one JSON object a line. */
  readonly audit?: boolean;
}

export async function startControlPlane({ bin, dir, audit = false }: ControlPlaneOptions): Promise<ControlPlane> {
  const at = (...segments: string[]) => path.join(dir, ...segments);
  mkdirSync(at('logs'), { recursive: true });
  const credentials = writeCredentials(dir);
  const [clients, peers, port] = await Promise.all([freePort(), freePort(), freePort()]);
  // Control planes that run at the same time on one machine must not share service addresses.
  const serviceOctet = randomInt(64, 128);
  const server = `https://127.0.0.1:${port}`;
  const caFile = at('certificates', 'apiserver.crt');
  const running: Running[] = [];
  const start = (name: string, args: string[]) => {
    const program = startProgram({ command: [path.join(bin, name), ...args], log: at('logs', `${name}.log`) });
    running.push(program);
    /** Waits for a sign of life, no longer than the program lives. */
    return async <T>(sign: string, ask: () => Promise<T>): Promise<T> => {
      const died = program.ended.then((code) => Promise.reject(new Error(`${name} ended with ${code}`)));
      return Promise.race([waitFor(`${sign} of ${name}`, ask, { timeout: 60_000 }), died]);
    };
  };
  const stopAll = async () => {
    for (const program of running.toReversed()) await program.stop();
  };

  try {
    start('etcd', etcdFlags(dir, clients, peers));
    const apiServer = start('kube-apiserver', [
      ...apiServerFlags({ dir, port, clients, serviceOctet }),
      ...(audit ? auditFlags(dir) : []),
    ]);
    // The server makes its own certificate.
    const ca = await apiServer('the certificate', () => readCertificate(caFile));
    const kubeconfig = writeKubeconfig(at('admin.kubeconfig'), { server, caFile, token: credentials.admin });
    const managerFile = writeKubeconfig(at('manager.kubeconfig'), { server, caFile, token: credentials.manager });
    const api = connectApi({ server, ca, token: credentials.admin });
    await apiServer('readiness', () => api.get('/readyz'));
    const manager = start('kube-controller-manager', managerFlags(dir, managerFile, caFile));
    await manager('the first service account', () => api.get('/api/v1/namespaces/default/serviceaccounts/default'));
    const stop = async () => {
      await api.close();
      await stopAll();
    };
    return { server, caFile, kubeconfig, api, serviceOctet, stop };
  } catch (error) {
    await stopAll();
    const logs = await Promise.all(
      ['etcd', 'kube-apiserver', 'kube-controller-manager'].map(async (name) => {
        return `--- ${name}\n${await tail(at('logs', `${name}.log`), 8)}`;
      }),
    );
    throw new Error(`the control plane did not start\n${logs.join('\n')}`, { cause: error });
  }
}

async function readCertificate(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  if (!text.trimEnd().endsWith('-----END CERTIFICATE-----')) throw new Error(`${file} is not complete`);
  return text;
}

function writeCredentials(dir: string): { admin: string; manager: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(path.join(dir, 'accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(path.join(dir, 'accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const [admin, manager] = [randomToken(), randomToken()];
  const rows = [
    `${admin},admin,admin,system:masters`,
    `${manager},system:kube-controller-manager,system:kube-controller-manager`,
  ];
  writeFileSync(path.join(dir, 'tokens.csv'), `${rows.join('\n')}\n`, { mode: 0o600 });
  return { admin, manager };
}

function randomToken(): string {
  return randomBytes(16).toString('hex');
}

export interface Kubeconfig {
  readonly server: string;
  readonly caFile: string;
  readonly token: string;
}

/** Writes the file and returns its name. JSON is YAML. */
export function writeKubeconfig(file: string, { server, caFile, token }: Kubeconfig): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [{ name: 'here', context: { cluster: 'here', user: 'here' } }],
    clusters: [{ name: 'here', cluster: { server, 'certificate-authority': caFile } }],
    users: [{ name: 'here', user: { token } }],
  };
  writeFileSync(file, JSON.stringify(config, null, 2), { mode: 0o600 });
  return file;
}

function etcdFlags(dir: string, clients: number, peers: number): string[] {
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
  readonly serviceOctet: number;
}

function apiServerFlags({ dir, port, clients, serviceOctet }: ApiServerFlags): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${clients}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${path.join(dir, 'certificates')}`,
    '--authorization-mode=RBAC',
    `--token-auth-file=${path.join(dir, 'tokens.csv')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${path.join(dir, 'accounts.pub')}`,
    `--service-account-signing-key-file=${path.join(dir, 'accounts.key')}`,
    // Every ClusterIP is an address of this machine: the webhook is called through its Service without kube-proxy.
    `--service-cluster-ip-range=127.${serviceOctet}.0.0/16`,
    '--endpoint-reconciler-type=none',
    '--profiling=false',
  ];
}

function auditFlags(dir: string): string[] {
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

function managerFlags(dir: string, kubeconfig: string, caFile: string): string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--root-ca-file=${caFile}`,
    `--service-account-private-key-file=${path.join(dir, 'accounts.key')}`,
    '--use-service-account-credentials',
    '--leader-elect=false',
    // The node of the harness sends no heartbeats.
    '--controllers=*,-node-lifecycle-controller',
    '--secure-port=0',
    '--kube-api-qps=500',
    '--kube-api-burst=1000',
  ];
}
