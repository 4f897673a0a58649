// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import { freePort } from '../../control-plane/ports.ts';
import { startProgram, waitFor } from '../../control-plane/process.ts';
import type { TokenServer } from '../../fakes/registry/token-server.ts';
import type { KeyPair } from './registry.ts';
import { output, TOOLS } from './tools.ts';

export interface DistributionOptions {
  /** Of its configuration and log. */
  readonly dir: string;
  /** Several servers may share one. */
  readonly storage: string;
  /** Who gives out the tokens that it asks for; left out, it asks for none. */
  readonly tokens?: TokenServer;
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** A real registry (distribution). */
export interface Distribution {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** `HEAD /v2/team/app/manifests/1.0 200` of each request since the start or the last `forget`. */
  requests(): Promise<readonly string[]>;
  forget(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDistribution({ dir, storage, tokens, tls }: DistributionOptions): Promise<Distribution> {
  mkdirSync(dir, { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const file = (name: string, content: string) => {
    writeFileSync(path.join(dir, name), content, { mode: 0o600 });
    return path.join(dir, name);
  };
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: storage } },
    http: {
      addr: host,
      ...(tls && { tls: { certificate: file('tls.crt', tls.cert), key: file('tls.key', tls.key) } }),
    },
    ...(tokens && { auth: { token: tokenAuthentication(tokens, file('keys.json', tokens.keys)) } }),
  };
  const log = path.join(dir, 'registry.log');
  const command = [path.join(TOOLS, 'registry'), 'serve', file('registry.yaml', stringify(config))] as const;
  const server = startProgram({ command: [...command], log });
  const scheme = tls ? 'https' : 'http';
  const anyCertificate = new Agent({ connect: { rejectUnauthorized: false } });
  await waitFor(`the registry ${host}`, () => request(`${scheme}://${host}/v2/`, { dispatcher: anyCertificate }));
  let asked = 0;
  /** It writes the line of a request after its answer: by when that of a later one is there, too. */
  async function lines(): Promise<readonly string[]> {
    const mark = `/v2/?mark=${++asked}`;
    await request(`${scheme}://${host}${mark}`, { dispatcher: anyCertificate }).then(({ body }) => body.dump());
    const all = await waitFor('the access log', async () => {
      const found = readFileSync(log, 'utf8').split('\n').flatMap(accessOf);
      return found.some((line) => line.includes(`${mark} `)) ? found : undefined;
    });
    return all.filter((line) => !line.includes('/v2/?mark='));
  }
  let forgotten = (await lines()).length;
  return {
    host,
    requests: async () => (await lines()).slice(forgotten),
    forget: async () => void (forgotten = (await lines()).length),
    stop: async () => {
      await anyCertificate.close();
      await server.stop();
    },
  };
}

function tokenAuthentication({ realm, service, issuer }: TokenServer, jwks: string): object {
  return { realm, service, issuer, jwks, signingalgorithms: ['ES256'] };
}

/** A line of the access log, as Apache writes them. */
function accessOf(line: string): string[] {
  const [, method, target, status] = /"([A-Z]+) (\/v2\/\S+) HTTP[^"]*" (\d+)/.exec(line) ?? [];
  return method === undefined ? [] : [`${method} ${target} ${status}`];
}

/** Pushes an image to a registry that asks for nothing, and signs it, with the real crane and cosign; its digest. */
export async function publish(image: string, dir: string, pair: KeyPair): Promise<string> {
  mkdirSync(dir, { recursive: true });
  const env = { COSIGN_PASSWORD: '', DOCKER_CONFIG: dir, HOME: dir };
  writeFileSync(path.join(dir, 'name'), image);
  const layer = path.join(dir, 'layer.tar');
  await output(['tar', '-cf', layer, '-C', dir, 'name']);
  const pushed = await output(['crane', 'append', '--oci-empty-base', '-f', layer, '-t', image], { env });
  const flags = ['--tlog-upload=false', '--use-signing-config=false', '--new-bundle-format=false'];
  await output(['cosign', 'sign', '-y', '--key', pair.privateFile, ...flags, pushed], { env });
  return pushed.slice(pushed.indexOf('@') + 1);
}
