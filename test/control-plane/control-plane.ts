// SPDX-License-Identifier: Apache-2.0
import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeCredentials, writeKubeconfig, type Account } from './accounts.ts';
import { connectApi, type Api } from './api.ts';
import { admissionFlags, apiServerFlags, auditFlags, etcdFlags, managerFlags, type RealNode } from './flags.ts';
import { bracketed, SERVICES6 } from './addresses.ts';
import { claimNetwork, freePort } from './ports.ts';
import { startProgram, tail, waitFor, type Running } from './process.ts';

/** etcd, kube-apiserver and kube-controller-manager: the real ones, without containers. */
export interface ControlPlane {
  /** `https://127.0.0.1:port`, or the node's address. */
  readonly server: string;
  readonly caFile: string;
  /** File with the rights of system:masters. */
  readonly kubeconfig: string;
  /** With the same rights. */
  readonly api: Api;
  /** Of the same rights. */
  readonly token: string;
  /** Writes a file with another account's rights. */
  kubeconfigOf(account: Account): string;
  /** Second octet of the loopback network of ClusterIPs: `127.<octet>.0.0/16`. No real node has it. */
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
  /** How its admission plugins are configured: `{name, configuration}`; left out, as usual. */
  readonly admission?: readonly object[];
  /** What the Pods will run on; left out, everything is on loopback. */
  readonly node?: RealNode;
  /** Nothing has an address of IPv4. What is sent to `SERVICES6` and `PODS6` has to come to this machine. */
  readonly ipv6?: boolean;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { bin, dir, audit = false, admission = [], node, ipv6 = false } = options;
  const at = (...segments: string[]) => path.join(dir, ...segments);
  mkdirSync(at('logs'), { recursive: true });
  const credentials = writeCredentials(dir, node?.name);
  const [clients, peers, port] = await Promise.all([freePort(), freePort(), freePort()]);
  // Control planes that run at the same time on one machine must not share service addresses.
  const network = await claimNetwork();
  const serviceOctet = network.octet;
  const address = node?.address ?? (ipv6 ? '::1' : '127.0.0.1');
  // Every ClusterIP is an address of this machine: the webhook is called through its Service without kube-proxy. Those of
  // IPv6 beside IPv4 are for Services that ask for both.
  const services = ipv6 ? SERVICES6 : `127.${serviceOctet}.0.0/16,fd00:127:${serviceOctet}::/112`;
  const server = `https://${bracketed(address)}:${port}`;
  const caFile = at('certificates', 'apiserver.crt');
  const running: Running[] = [];
  const start = (name: string, args: string[]) => {
    const program = startProgram({ command: [path.join(bin, name), ...args], log: at('logs', `${name}.log`) });
    running.push(program);
    /** Waits for a sign of life, no longer than the program lives. */
    return async <T>(sign: string, ask: () => Promise<T>): Promise<T> => {
      const died = program.ended.then((code) => Promise.reject(new Error(`${name} ended with ${code}`)));
      return Promise.race([waitFor(`${sign} of ${name}`, ask, { timeout: 180_000 }), died]);
    };
  };
  const kubeconfigOf = (account: Account) =>
    writeKubeconfig(at(`${account}.kubeconfig`), { server, caFile, token: credentials[account] });
  const stopAll = async () => {
    for (const program of running.toReversed()) await program.stop();
    network.release();
  };

  try {
    start('etcd', etcdFlags(dir, clients, peers));
    const apiServer = start('kube-apiserver', [
      ...apiServerFlags({ dir, port, clients, address, services, node }),
      ...(audit ? auditFlags(dir) : []),
      ...admissionFlags(dir, admission),
    ]);
    // The server makes its own certificate.
    const ca = await apiServer('the certificate', () => readCertificate(caFile));
    const kubeconfig = kubeconfigOf('admin');
    const api = connectApi({ server, ca, token: credentials.admin });
    await apiServer('readiness', () => api.get('/readyz'));
    const manager = start(
      'kube-controller-manager',
      managerFlags({ dir, kubeconfig: kubeconfigOf('manager'), caFile, node }),
    );
    await manager('the first service account', () => api.get('/api/v1/namespaces/default/serviceaccounts/default'));
    const stop = async () => {
      await api.close();
      await stopAll();
    };
    return { server, caFile, kubeconfig, api, token: credentials.admin, kubeconfigOf, serviceOctet, stop };
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
