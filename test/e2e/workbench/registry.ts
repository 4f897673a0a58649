// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../control-plane/ports.ts';
import { startProgram, waitFor } from '../../control-plane/process.ts';
import { output, TOOLS } from './tools.ts';

/** A real registry in memory, over plain HTTP on loopback, with what is needed to fill it. */
export interface Registry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Pushes an image of its own content, atop of another where there is one; `repository@sha256:…`. */
  push(name: string): Promise<string>;
  /** Pushes an index of images for these platforms; `repository@sha256:…`. */
  pushIndex(name: string, platforms: readonly string[]): Promise<string>;
  keyPair(name: string): Promise<KeyPair>;
  /** Signs a digest reference with the real cosign, as `.sig` tag or as bundle. */
  sign(image: string, pair: KeyPair, options?: SignOptions): Promise<void>;
  /** Copies a digest reference with its `.sig`, by the real cosign. */
  copy(image: string, to: string): Promise<void>;
  stop(): Promise<void>;
}

export interface KeyPair {
  readonly privateFile: string;
  readonly publicFile: string;
  /** PEM. */
  readonly publicKey: string;
}

export interface SignOptions {
  /** Left out, `simple-signing`. */
  readonly format?: 'simple-signing' | 'bundle';
  /** Of an index: its images too. */
  readonly recursive?: boolean;
}

/** No password, no prompt, no credentials of whoever runs this. */
function quiet(dir: string): Record<string, string> {
  return { COSIGN_PASSWORD: '', DOCKER_CONFIG: dir, HOME: dir };
}

export interface RegistryOptions {
  /** Left out, a free port of loopback. */
  readonly host?: string;
  /** A program that all its images start; left out, they hold nothing that could be started. */
  readonly program?: string;
}

export async function startRegistry(dir: string, options: RegistryOptions = {}): Promise<Registry> {
  mkdirSync(dir, { recursive: true });
  const { host = `127.0.0.1:${await freePort()}`, program } = options;
  const server = startProgram({
    command: [path.join(TOOLS, 'referrers-registry'), '-address', host],
    log: path.join(dir, 'registry.log'),
  });
  await waitFor('the registry', () => fetch(`http://${host}/v2/`));
  const env = quiet(dir);
  const base = program === undefined ? ['--oci-empty-base'] : ['-b', await pushBase(program)];

  async function pushBase(file: string): Promise<string> {
    const layer = path.join(dir, 'base.tar');
    await output(['tar', '-cf', layer, '-C', path.dirname(file), path.basename(file)]);
    const image = await output(['crane', 'append', '--oci-empty-base', '-f', layer, '-t', `${host}/base`], { env });
    return output(['crane', 'mutate', image, `--entrypoint=/${path.basename(file)}`, '-t', `${host}/base`], { env });
  }

  async function push(name: string): Promise<string> {
    // Several may be pushed at a time.
    const content = mkdtempSync(path.join(dir, 'content-'));
    const layer = `${content}.tar`;
    writeFileSync(path.join(content, 'name'), name);
    await output(['tar', '-cf', layer, '-C', content, 'name']);
    return output(['crane', 'append', ...base, '-f', layer, '-t', `${host}/${name}`], { env });
  }

  async function pushIndex(name: string, platforms: readonly string[]): Promise<string> {
    const [repository = ''] = name.split(':');
    const images = platforms.map(async (platform) => {
      const image = await push(`${name}-${platform.replaceAll('/', '-')}`);
      const set = ['--set-platform', platform, '--repo', `${host}/${repository}`];
      return (await output(['crane', 'mutate', ...set, image], { env })).trim();
    });
    const manifests = (await Promise.all(images)).flatMap((image) => ['-m', image]);
    await output(['crane', 'index', 'append', ...manifests, '-t', `${host}/${name}`], { env });
    return `${host}/${repository}@${(await output(['crane', 'digest', `${host}/${name}`], { env })).trim()}`;
  }

  async function keyPair(name: string): Promise<KeyPair> {
    const prefix = path.join(dir, name);
    await output(['cosign', 'generate-key-pair', '--output-key-prefix', prefix], { env });
    const publicFile = `${prefix}.pub`;
    return { privateFile: `${prefix}.key`, publicFile, publicKey: readFileSync(publicFile, 'utf8') };
  }

  async function sign(image: string, pair: KeyPair, how: SignOptions = {}): Promise<void> {
    const { format = 'simple-signing', recursive = false } = how;
    const flags = [
      `--recursive=${recursive}`,
      '--tlog-upload=false',
      '--use-signing-config=false',
      `--new-bundle-format=${format === 'bundle'}`,
    ];
    await output(['cosign', 'sign', '-y', '--key', pair.privateFile, ...flags, image], { env });
  }

  async function copy(image: string, to: string): Promise<void> {
    await output(['cosign', 'copy', image, to], { env });
  }

  return { host, push, pushIndex, keyPair, sign, copy, stop: () => server.stop() };
}
