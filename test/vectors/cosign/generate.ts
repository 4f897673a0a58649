// SPDX-License-Identifier: Apache-2.0

// Makes everything under keys/ and layout/ anew with the real cosign: `node test/vectors/cosign/generate.ts`.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LayoutWriter } from './layout-writer.ts';
import { digestIn, Workshop } from './workshop.ts';
import type { SigningFormat } from './workshop.ts';

const here = import.meta.dirname;

/** By the name of the key's file: how openssl makes it, and whether cosign can sign with it. */
const KEYS = {
  release: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  other: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p256: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  p521: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-521'],
  rsa2048: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  rsa3072: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  rsa4096: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
  ed25519: ['-algorithm', 'ed25519'],
  rsapss: ['-algorithm', 'RSA-PSS', '-pkeyopt', 'rsa_keygen_bits:2048'],
} as const;
type KeyName = keyof typeof KEYS;

/** Signatures as older cosign and key services make them, which cosign 3 no longer does. */
const BY_OPENSSL = {
  'keys/p384:sha256': ['p384', '-digest', 'sha256'],
  'keys/p521:sha256': ['p521', '-digest', 'sha256'],
  'keys/ed25519:pure': ['ed25519'],
  'keys/rsapss:sig': ['rsapss', '-digest', 'sha256'],
} as const;

await using workshop = await Workshop.open();
const plain = await workshop.registry('distribution');
const modern = await workshop.registry('referrers');

for (const [name, algorithm] of Object.entries(KEYS)) await workshop.key(name, algorithm);
await writeFile(join(workshop.folder, 'predicate.json'), '{"approved":true,"tests":{"failed":0}}');
await signByEachKey();
await signDemo();
await signUnusually();
await writeVectors();

async function signByEachKey(): Promise<void> {
  for (const key of ['p256', 'p384', 'p521', 'rsa2048', 'rsa3072', 'rsa4096', 'ed25519'] as const) {
    await sign(await image(`keys/${key}:sig`), 'simple-signing', key);
    await sign(await image(`keys/${key}:bundle`), 'bundle', key);
  }
  for (const [name, [key, ...options]] of Object.entries(BY_OPENSSL)) {
    await workshop.signWithOpenssl(key, options, await image(name));
  }
}

async function signDemo(): Promise<void> {
  await image('demo/unsigned:1.0');
  await sign(await image('demo/signed:1.0'), 'simple-signing', 'release');
  await sign(await image('demo/signed:2.0'), 'simple-signing', 'release');
  await sign(await image('demo/bundle:1.0'), 'bundle', 'release');
  await sign(await image('demo/bundle:2.0'), 'bundle', 'release');
  for (const format of ['simple-signing', 'bundle'] as const) {
    await sign(await image(`demo/other-key:${format}`), format, 'other');
    const options = ['-a', 'environment=production', '-a', 'note=<a> & é'];
    await sign(await image(`demo/annotated:${format}`), format, 'release', { options });
    const two = await image(`demo/two-signers:${format}`);
    for (const key of ['release', 'other'] as const) await sign(two, format, key);
    const again = await image(`demo/signed-again:${format}`);
    for (const key of ['release', 'release'] as const) await sign(again, format, key);
    await sign(await index(`demo/index:${format}`), format, 'release');
    await attest(await image(`demo/attested:${format}`), format, 'release');
    const both = await image(`demo/signed-and-attested:${format}`);
    await sign(both, format, 'release');
    await attest(both, format, 'release');
  }
  await workshop.exec('crane', ['tag', `${plain}/demo/other-key:simple-signing`, '1.0']);
}

async function signUnusually(): Promise<void> {
  const twoFormats = await image('demo/both-formats:1.0');
  await sign(twoFormats, 'simple-signing', 'release');
  await sign(twoFormats, 'bundle', 'release');
  const foreignBundle = await image('demo/foreign-bundle:1.0');
  await sign(foreignBundle, 'simple-signing', 'release');
  await attest(foreignBundle, 'bundle', 'other');
  const foreignSignature = await image('demo/foreign-signature:1.0');
  await sign(foreignSignature, 'simple-signing', 'other');
  await sign(foreignSignature, 'bundle', 'release');
  for (const format of ['simple-signing', 'bundle'] as const) {
    const environment = { COSIGN_REPOSITORY: `${plain}/demo/signatures` };
    await sign(await image(`demo/elsewhere:${format}`), format, 'release', { environment });
  }
  await sign(await image('demo/referrers-api:1.0', modern), 'bundle', 'release');
  const experimental = await image('demo/simple-referrer:1.0', modern);
  const options = ['--registry-referrers-mode=oci-1-1'];
  await sign(experimental, 'simple-signing', 'release', { options, environment: { COSIGN_EXPERIMENTAL: '1' } });
  const old = await image('demo/old-fallback:1.0');
  await sign(old, 'bundle', 'release');
  await ageFallbackTag(old);
}

/** What cosign 2.5 to 3.0 left in fallback tags: an empty artifact type and no annotations. */
async function ageFallbackTag(reference: string): Promise<void> {
  const tag = digestIn(reference).replace(':', '-');
  const base = `http://${plain}/v2/demo/old-fallback/manifests/${tag}`;
  const type = 'application/vnd.oci.image.index.v1+json';
  const written: { manifests: object[] } = JSON.parse(await (await fetch(base, { headers: { accept: type } })).text());
  const manifests = written.manifests.map((entry) => ({
    ...entry,
    annotations: undefined,
    artifactType: 'application/vnd.oci.empty.v1+json',
  }));
  const body = JSON.stringify({ ...written, manifests });
  const answer = await fetch(base, { method: 'PUT', headers: { 'content-type': type }, body });
  if (!answer.ok) throw new Error(`the fallback tag was not taken: ${answer.status}`);
}

async function writeVectors(): Promise<void> {
  await rm(join(here, 'layout'), { recursive: true, force: true });
  await rm(join(here, 'keys'), { recursive: true, force: true });
  await mkdir(join(here, 'keys'));
  for (const name of Object.keys(KEYS)) {
    await writeFile(join(here, 'keys', `${name}.pub`), await workshop.publicKey(name));
  }
  const writer = new LayoutWriter(join(here, 'layout'));
  for (const host of [plain, modern]) {
    const answer = await fetch(`http://${host}/v2/_catalog`);
    const catalog: { repositories: string[] } = JSON.parse(await answer.text());
    for (const repository of catalog.repositories) await writer.copy(host, repository);
  }
  await writer.finish();
  // A binary built by `go build` does not know its version; the module that pins it does.
  const tools = await readFile(join(here, '..', '..', 'tools', 'go.mod'), 'utf8');
  const cosign = /sigstore\/cosign\/v3 v([0-9.]+)/.exec(tools)?.[1];
  await writeFile(join(here, 'made.json'), `${JSON.stringify({ cosign, registries: [plain, modern] })}\n`);
}

/** @returns the reference by digest, which is what one signs */
async function image(name: string, host = plain): Promise<string> {
  const digest = await workshop.push(`${host}/${name}`);
  return `${host}/${name.replace(/:.*/, '')}@${digest}`;
}

async function index(name: string): Promise<string> {
  const platforms = await Promise.all(
    ['amd64', 'arm64'].map(async (architecture) => {
      const child = await image(name.replace(':', `:${architecture}-`));
      return digestIn(
        await workshop.exec('crane', [
          'mutate',
          '--set-platform',
          `linux/${architecture}`,
          '--repo',
          `${plain}/demo/index`,
          child,
        ]),
      );
    }),
  );
  const repository = `${plain}/demo/index`;
  const manifests = platforms.flatMap((digest) => ['-m', `${repository}@${digest}`]);
  await workshop.exec('crane', ['index', 'append', ...manifests, '-t', `${plain}/${name}`]);
  return `${repository}@${digestIn(await workshop.exec('crane', ['digest', `${plain}/${name}`]))}`;
}

interface Extras {
  readonly options?: readonly string[];
  readonly environment?: Record<string, string>;
}

function sign(reference: string, format: SigningFormat, key: KeyName, extras: Extras = {}): Promise<void> {
  const { options = [], environment = {} } = extras;
  return workshop.cosign('sign', format, ['--key', `${key}.key`, ...options, reference], environment);
}

function attest(reference: string, format: SigningFormat, key: KeyName): Promise<void> {
  const claim = ['--predicate', 'predicate.json', '--type', 'https://example.com/tests/v1'];
  return workshop.cosign('attest', format, ['--key', `${key}.key`, ...claim, reference]);
}
