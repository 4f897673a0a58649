// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../../control-plane/ports.ts';
import { startProgram, waitFor } from '../../control-plane/process.ts';
import type { KeyPair } from '../workbench/registry.ts';
import { output, TOOLS } from '../workbench/tools.ts';

/** A real registry (distribution) that nobody reads without a password. */
export interface PrivateRegistry {
  readonly host: string;
  readonly user: string;
  readonly password: string;
  /** Pushes an image and signs it; `host/name`. */
  publish(name: string, pair: KeyPair): Promise<string>;
  /** Signs an image of a registry that anybody may read, and keeps the signature here; the repository that has it. */
  keepSignature(image: string, pair: KeyPair): Promise<string>;
  stop(): Promise<void>;
}

export async function startPrivateRegistry(dir: string): Promise<PrivateRegistry> {
  mkdirSync(dir, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const config = path.join(dir, 'registry.yaml');
  const log = path.join(dir, 'registry.log');
  const content = {
    version: 0.1,
    log: { formatter: 'json' },
    storage: { filesystem: { rootdirectory: path.join(dir, 'data') } },
    http: { addr: host },
    auth: { htpasswd: { realm: 'private', path: path.join(dir, 'htpasswd') } },
  };
  writeFileSync(config, stringify(content));
  const server = startProgram({ command: [path.join(TOOLS, 'registry'), 'serve', config], log });
  await waitFor('the private registry', () => fetch(`http://${host}/v2/`));
  // Without a password file it makes one, and says in its log for whom.
  const password = await waitFor(
    'its password',
    async () => /"password":"([^"]+)"/.exec(readFileSync(log, 'utf8'))?.[1],
  );
  const user = 'docker';
  writeFileSync(
    path.join(dir, 'config.json'),
    JSON.stringify({ auths: { [host]: { auth: btoa(`${user}:${password}`) } } }),
    { mode: 0o600 },
  );
  const env = { COSIGN_PASSWORD: '', DOCKER_CONFIG: dir, HOME: dir };

  async function publish(name: string, pair: KeyPair): Promise<string> {
    const layer = path.join(dir, 'layer.tar');
    await output(['tar', '-cf', layer, '-C', dir, 'registry.yaml']);
    const append = ['append', '--oci-empty-base', '-f', layer, '-t', `${host}/${name}`];
    const digest = await output(['crane', ...append], { env });
    const flags = ['--tlog-upload=false', '--use-signing-config=false', '--new-bundle-format=false'];
    await output(['cosign', 'sign', '-y', '--key', pair.privateFile, ...flags, digest], { env });
    return `${host}/${name}`;
  }

  async function keepSignature(image: string, pair: KeyPair): Promise<string> {
    const repository = `${host}/signatures`;
    const flags = ['--tlog-upload=false', '--use-signing-config=false', '--new-bundle-format=false'];
    const where = { env: { ...env, COSIGN_REPOSITORY: repository } };
    await output(['cosign', 'sign', '-y', '--key', pair.privateFile, ...flags, image], where);
    return repository;
  }

  return { host, user, password, publish, keepSignature, stop: () => server.stop() };
}
