// SPDX-License-Identifier: Apache-2.0
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../control-plane/ports.ts';

const run = promisify(execFile);

/** `distribution` has no referrers API, so cosign writes fallback tags there; `referrers` has it. */
export type RegistryKind = 'distribution' | 'referrers';
export type SigningFormat = 'simple-signing' | 'bundle';

/** Where the real programs are: `npm run tools` builds them. */
export const TOOLS_BIN = resolve(process.env['TOOLS_BIN'] ?? '.cache/tools/bin');

/** A folder with the real cosign, crane, openssl and registries at hand. Nothing leaves the machine. */
export class Workshop implements AsyncDisposable {
  readonly folder: string;
  readonly #closers: (() => Promise<void>)[] = [];

  static async open(): Promise<Workshop> {
    return new Workshop(await mkdtemp(join(tmpdir(), 'cosignet-vectors-')));
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closers.toReversed()) await close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Runs a program with an environment of its own; its output is returned. */
  async exec(
    program: string,
    arguments_: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<string> {
    const env = { PATH: `${TOOLS_BIN}:${process.env['PATH']}`, HOME: this.folder, NO_PROXY: '*', COSIGN_PASSWORD: '' };
    const { stdout } = await run(program, [...arguments_], { cwd: this.folder, env: { ...env, ...environment } });
    return stdout;
  }

  /** Starts a registry on a free port. @returns `host:port` */
  async registry(kind: RegistryKind): Promise<string> {
    const address = `127.0.0.1:${await freePort()}`;
    const child =
      kind === 'referrers'
        ? spawn(join(TOOLS_BIN, 'referrers-registry'), ['-address', address], { stdio: 'ignore' })
        : spawn(join(TOOLS_BIN, 'registry'), ['serve', await this.#registryConfiguration(address)], {
            stdio: 'ignore',
          });
    this.#closers.push(async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    await answers(`http://${address}/v2/`);
    return address;
  }

  /** Makes a key with openssl and hands it to cosign. @returns the name of the private key's file */
  async key(name: string, algorithm: readonly string[]): Promise<string> {
    const plain = `${name}.openssl`;
    await this.exec('openssl', ['genpkey', '-out', plain, ...algorithm]);
    await this.exec('openssl', ['pkey', '-in', plain, '-pubout', '-out', `${name}.pub`]);
    // cosign does not take RSA-PSS keys; signatures by them are made with openssl alone.
    if (algorithm.includes('RSA-PSS')) return plain;
    await this.exec('cosign', ['import-key-pair', '--key', plain, '--output-key-prefix', name]);
    return `${name}.key`;
  }

  publicKey(name: string): Promise<string> {
    return readFile(join(this.folder, `${name}.pub`), 'utf8');
  }

  /** Pushes an image whose one small layer says its name. @returns its digest */
  async push(reference: string, options: readonly string[] = []): Promise<string> {
    const name = reference.slice(reference.indexOf('/') + 1);
    const content = name.replaceAll(/[^a-z0-9]/g, '-');
    await mkdir(join(this.folder, content), { recursive: true });
    await writeFile(join(this.folder, content, 'name.txt'), `${name}\n`);
    const reproducible = ['--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=644'];
    await this.exec('tar', ['-cf', `${content}.tar`, ...reproducible, '-C', content, 'name.txt']);
    const layer = ['-f', `${content}.tar`, '-t', reference];
    return digestIn(await this.exec('crane', ['append', '--oci-empty-base', ...layer, ...options]));
  }

  /** `cosign sign`, or `attest` with `--predicate`, without any log or timestamp authority. */
  async cosign(
    command: 'sign' | 'attest',
    format: SigningFormat,
    arguments_: readonly string[],
    environment: Record<string, string> = {},
  ): Promise<void> {
    const offline = ['-y', '--use-signing-config=false', '--tlog-upload=false'];
    const legacy = format === 'simple-signing' ? ['--new-bundle-format=false'] : [];
    await this.exec('cosign', [command, ...offline, ...legacy, ...arguments_], environment);
  }

  /** A simple signature made by openssl, as cosign before 2.6 or a KMS makes it, and attached by cosign. */
  async signWithOpenssl(name: string, options: readonly string[], reference: string): Promise<void> {
    await writeFile(join(this.folder, 'payload'), await this.exec('cosign', ['generate', reference]));
    const files = ['-inkey', `${name}.openssl`, '-rawin', '-in', 'payload', '-out', 'signature'];
    await this.exec('openssl', ['pkeyutl', '-sign', ...files, ...options]);
    const signature = await readFile(join(this.folder, 'signature'));
    await writeFile(join(this.folder, 'signature.b64'), signature.toString('base64'));
    const attached = ['--payload', 'payload', '--signature', 'signature.b64', reference];
    await this.exec('cosign', ['attach', 'signature', ...attached]);
  }

  async #registryConfiguration(address: string): Promise<string> {
    const file = join(this.folder, 'registry.yml');
    await writeFile(file, `version: 0.1\nlog: {level: error}\nstorage: {inmemory: {}}\nhttp: {addr: "${address}"}\n`);
    return file;
  }
}

export function digestIn(output: string): string {
  const digest = /sha256:[0-9a-f]{64}/.exec(output)?.[0];
  if (digest === undefined) throw new Error(`no digest in ${JSON.stringify(output)}`);
  return digest;
}

async function answers(url: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok === true) return;
    await wait(100);
  }
  throw new Error(`${url} does not answer`);
}
