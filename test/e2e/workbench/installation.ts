// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { waitFor } from '../../control-plane/process.ts';
import type { KeyPair } from './registry.ts';
import { run, type Outcome } from './tools.ts';
import { openWorkbench, type Workbench, type WorkbenchOptions } from './workbench.ts';

/** What the registry holds, by a short name, and who signed it how. */
const GOODS = {
  signed: { repository: 'shop/signed', signer: 'release', format: 'simple-signing' },
  bundled: { repository: 'shop/bundled', signer: 'release', format: 'bundle' },
  forged: { repository: 'shop/forged', signer: 'other', format: 'simple-signing' },
  tool: { repository: 'vendor/tool', signer: 'other', format: 'simple-signing' },
  unsigned: { repository: 'shop/unsigned', signer: undefined, format: 'simple-signing' },
} as const;

export type Goods = keyof typeof GOODS;

export interface Image {
  /** `host:port/repository:1.0`. */
  readonly tag: string;
  /** `sha256:…`. */
  readonly digest: string;
  /** The tag with its digest, as it runs once it was verified. */
  readonly pinned: string;
}

/** A cluster, a stocked registry, and the words in which tests speak to them. */
export interface Installation {
  readonly bench: Workbench;
  readonly images: Readonly<Record<Goods, Image>>;
  readonly release: KeyPair;
  readonly other: KeyPair;
  /** Standard output of a kubectl that must succeed. */
  kubectl(this: void, ...args: readonly string[]): Promise<string>;
  /** Standard error of a kubectl that must fail. */
  refused(this: void, ...args: readonly string[]): Promise<string>;
  /** `kubectl apply` of one object, whatever comes of it. */
  apply(this: void, object: object, ...flags: readonly string[]): Promise<Outcome>;
  /** A path of an object, as kubectl's jsonpath. */
  read(this: void, object: string, path: string): Promise<string>;
  helm(this: void, ...args: readonly string[]): Promise<Outcome>;
  make(this: void, target: 'install' | 'uninstall', ...flags: readonly string[]): Promise<Outcome>;
  close(this: void): Promise<void>;
}

/** `dir`: an empty folder to work in; left out, a temporary one. */
export async function openInstallation(dir?: string, options: WorkbenchOptions = {}): Promise<Installation> {
  return openOn(await openWorkbench(dir, options));
}

/** Fills the workbench's registry. */
export async function openOn(bench: Workbench): Promise<Installation> {
  const { registry } = bench;
  const keys = { release: await registry.keyPair('release'), other: await registry.keyPair('other') };
  const push = async (goods: Goods): Promise<Image> => {
    const { repository, signer, format } = GOODS[goods];
    const reference = await registry.push(`${repository}:1.0`);
    if (signer !== undefined) await registry.sign(reference, keys[signer], { format });
    const digest = reference.slice(reference.indexOf('@') + 1);
    const tag = `${registry.host}/${repository}:1.0`;
    return { tag, digest, pinned: `${tag}@${digest}` };
  };
  const images = {
    signed: await push('signed'),
    bundled: await push('bundled'),
    forged: await push('forged'),
    tool: await push('tool'),
    unsigned: await push('unsigned'),
  };

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await bench.kubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(' ')}\n${stderr}`);
    return stdout.trimEnd();
  }
  async function refused(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await bench.kubectl(args);
    assert.notEqual(code, 0, `kubectl ${args.join(' ')} was accepted\n${stdout}`);
    return stderr;
  }
  await kubectl('create', 'namespace', 'shop');
  await kubectl('config', 'set-context', '--current', '--namespace=shop');

  return {
    bench,
    images,
    ...keys,
    kubectl,
    refused,
    apply: (object, ...flags) => bench.kubectl(['apply', '--filename=-', ...flags], JSON.stringify(object)),
    read: (object, path) => {
      const [where, name] = object.includes(':') ? object.split(':') : ['shop', object];
      return kubectl(`--namespace=${where}`, 'get', name ?? '', `--output=jsonpath={${path}}`);
    },
    make: (target, ...flags) =>
      run(['make', '--no-print-directory', target, `HELM_FLAGS=${[...bench.values, ...flags].join(' ')}`], {
        env: { ...bench.env, HELM: 'helm', KUBECTL: 'kubectl' },
      }),
    helm: (...args) => run(['helm', ...args], { env: bench.env }),
    close: bench.close,
  };
}

/** The flags with which a user hands over cosign.pub. */
export function keyFlags({ publicFile }: KeyPair): string[] {
  return [`--set-file=notary.rootPubKey=${publicFile}`, '--set=notary.isCosign=true', '--timeout=180s'];
}

/** Installs, as tests do that are about something else: the default policy is in force at every replica. */
export async function install(here: Installation, ...flags: readonly string[]): Promise<void> {
  const { code, stdout, stderr } = await here.make('install', ...keyFlags(here.release), ...flags);
  assert.equal(code, 0, `${stdout}${stderr}`);
  await policyReady(here.kubectl, 'default');
  await admitted(here, here.images.signed);
}

/** What the leading replica says: another may hear of the policy later. */
export async function policyReady(kubectl: Installation['kubectl'], name: string): Promise<void> {
  await kubectl('wait', `imagepolicies.cosignet.dev/${name}`, '--for=condition=Ready', '--timeout=90s');
}

export function policy(name: string, spec: object): object {
  return { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name }, spec };
}

/** kubectl's arguments that ask for a Pod without making it: admission is the same. */
export function tryPod(image: Image | string): string[] {
  return ['run', 'tried', `--image=${referenceOf(image)}`, '--dry-run=server'];
}

/** So many at once are on as many connections, and the API server opens each to whichever replica it meets: to all of them. */
const ASKED_AT_ONCE = 16;

/** What is said to a Pod with this image, which is not made; empty: it is admitted. */
export function answer({ bench }: Installation, image: Image | string): Promise<string> {
  const containers = [{ name: 'tried', image: referenceOf(image) }];
  const pod = { metadata: { name: 'tried' }, spec: { containers } };
  return bench.cluster.api.post('/api/v1/namespaces/shop/pods?dryRun=All', pod).then(() => '', String);
}

/** What every replica says, once or more. */
export function answers(here: Installation, image: Image | string): Promise<readonly string[]> {
  return Promise.all(Array.from({ length: ASKED_AT_ONCE }, () => answer(here, image)));
}

/** Waits until a Pod with this image would be admitted by every replica. */
export async function admitted(here: Installation, image: Image | string): Promise<void> {
  await waitFor(`${referenceOf(image)} to be admitted by every replica`, async () => {
    const refusal = (await answers(here, image)).find((said) => said !== '');
    if (refusal !== undefined) throw new Error(refusal);
    return true;
  });
}

/**
 * After a change that refuses an image which was admitted before: waits until every replica refuses it so; what one says.
 * Not for what must be refused at once.
 */
export async function denied(here: Installation, image: Image | string, so: RegExp): Promise<string> {
  return waitFor(`${referenceOf(image)} to be refused by every replica`, async () => {
    const all = await answers(here, image);
    const other = all.find((said) => !so.test(said));
    if (other !== undefined) throw new Error(other === '' ? 'it was admitted' : other);
    return all[0];
  });
}

function referenceOf(image: Image | string): string {
  return typeof image === 'string' ? image : image.tag;
}
