// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** Who may speak to the API server. The components of a node are known whether or not there is one. */
export type Account = 'admin' | 'manager' | 'scheduler' | 'proxy' | 'kubelet';

/** Writes the keys of service accounts and a token for each account. */
export function writeCredentials(dir: string, node = 'none'): Readonly<Record<Account, string>> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(path.join(dir, 'accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(path.join(dir, 'accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  const rows: string[] = [];
  const account = (user: string, ...groups: readonly string[]): string => {
    const token = randomToken();
    rows.push([token, user, user, ...groups].join());
    return token;
  };
  const tokens = {
    admin: account('admin', 'system:masters'),
    manager: account('system:kube-controller-manager'),
    scheduler: account('system:kube-scheduler'),
    proxy: account('system:kube-proxy'),
    kubelet: account(`system:node:${node}`, 'system:nodes'),
  };
  writeFileSync(path.join(dir, 'tokens.csv'), `${rows.join('\n')}\n`, { mode: 0o600 });
  return tokens;
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
