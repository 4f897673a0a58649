// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { digestOf } from '../../core/image/digest.ts';
import { bundleFor, ISSUER, LATER, logEntry, signKeyless, SIGNED_AT, SUBJECT } from '../fakes/keyless.ts';
import type { Signing, SigningOptions } from '../fakes/keyless.ts';
import { pemOf, rekorBundle } from '../fakes/sigstore-evidence.ts';
import { createSigstore } from '../fakes/sigstore.ts';
import { startRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { output, requireTools, run } from './tools.ts';

/**
 * Keyless signatures of images in a real registry, judged by the real cosign and by `cosignet verify`. The trust
 * root, the certificates and the log entries are of a Sigstore made for the test; no network is needed.
 */
const sigstore = createSigstore();
const OTHER_ISSUER = 'https://other.example.test';

let folder = '';
let registry: Registry;
before(async () => {
  requireTools('cosign', 'crane', 'referrers-registry');
  folder = await mkdtemp(path.join(tmpdir(), 'keyless-'));
  registry = await startRegistry(path.join(folder, 'registry'));
  await write('root.json', JSON.stringify(sigstore.trustedRoot));
  await write('config.yaml', `trustRoots: [{name: private, file: ${path.join(folder, 'root.json')}}]`);
});
after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

async function write(name: string, content: string | Buffer): Promise<string> {
  await writeFile(path.join(folder, name), content);
  return path.join(folder, name);
}

const digestIn = (image: string): string => image.slice(image.indexOf('@') + 1);

function payloadAbout(image: string): string {
  const [repository = ''] = image.split('@');
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': digestIn(image) },
      type: 'cosign container image signature',
    },
    optional: null,
  });
}

function statementAbout(image: string): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: digestIn(image).slice('sha256:'.length) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
}

/** As a layer of the `.sig` tag, written by cosign. */
async function attachAnnotated(image: string, { signature, verifier, entries, timestamps }: Signing): Promise<void> {
  const [entry] = entries;
  const [timestamp] = timestamps;
  const local = { base64Signature: signature.toString('base64'), cert: pemOf(verifier) };
  const evidence = [
    ...(entry === undefined
      ? []
      : ['--rekor-response', await write('rekor.json', `{"rekorBundle":${rekorBundle(entry)}}`)]),
    ...(timestamp === undefined ? [] : ['--tsr', await write('timestamp', timestamp)]),
  ];
  await output([
    'cosign',
    'attach',
    'signature',
    '--payload',
    await write('payload', payloadAbout(image)),
    '--signature',
    await write('signature', local.base64Signature),
    '--certificate',
    await write('certificate', local.cert),
    '--certificate-chain',
    await write('chain', await chain()),
    ...evidence,
    image,
  ]);
}

async function chain(): Promise<string> {
  const [authority] = sigstore.trustedRoot.certificateAuthorities;
  const certificates = authority?.certChain.certificates ?? [];
  return certificates
    .map(({ rawBytes }) => `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`)
    .join('');
}

/** As a referrer with a bundle, as cosign 3 pushes it. */
async function attachBundle(image: string, signing: Signing): Promise<void> {
  const type = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  const manifestType = 'application/vnd.oci.image.manifest.v1+json';
  const bundle = Buffer.from(JSON.stringify(bundleFor(signing)));
  const empty = Buffer.from('{}');
  const subject = Buffer.from(await output(['crane', 'manifest', image]));
  await putBlob(image, bundle);
  await putBlob(image, empty);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType: type,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', size: empty.length, digest: digestOf(empty) },
    layers: [{ mediaType: type, size: bundle.length, digest: digestOf(bundle) }],
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
    },
    subject: { mediaType: JSON.parse(subject.toString()).mediaType, size: subject.length, digest: digestIn(image) },
  });
  const url = `${repositoryUrl(image)}/manifests/${digestOf(Buffer.from(manifest))}`;
  const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': manifestType }, body: manifest });
  assert.equal(answer.status, 201);
}

function repositoryUrl(image: string): string {
  const name = image.slice(image.indexOf('/') + 1, image.indexOf('@'));
  return `http://${registry.host}/v2/${name}`;
}

async function putBlob(image: string, content: Buffer): Promise<void> {
  const opened = await fetch(`${repositoryUrl(image)}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', `http://${registry.host}`);
  location.searchParams.set('digest', digestOf(content));
  const answer = await fetch(location, { method: 'PUT', body: new Uint8Array(content) });
  assert.equal(answer.status, 201);
}

async function cosignAccepts(image: string, flags: readonly string[]): Promise<boolean> {
  const root = path.join(folder, 'root.json');
  const who = ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
  const { code } = await run(['cosign', 'verify', '--trusted-root', root, ...flags, ...who, image]);
  return code === 0;
}

async function weSay(image: string, identity: string): Promise<{ code: string; message: string }> {
  const policy = `{apiVersion: cosignet.dev/v1, kind: ImagePolicy, metadata: {name: keyless}, spec: {images: ["**"], identities: [${identity}]}}`;
  const policies = await write('policy.yaml', policy);
  const config = path.join(folder, 'config.yaml');
  const { stdout, stderr } = await run([
    process.execPath,
    'cli/main.ts',
    'verify',
    '--config',
    config,
    '--policies',
    policies,
    '--insecure-registry',
    registry.host,
    '-o',
    'json',
    image,
  ]);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

const exactly = (subject: string, issuer: string): string =>
  JSON.stringify({ name: 'dev', issuer, subject, trustRoot: 'private' });

const LEGACY = ['--new-bundle-format=false', '--offline'];
const STAMPED = ['--new-bundle-format=false', '--insecure-ignore-tlog=true', '--use-signed-timestamps'];

const WAYS: readonly { name: string; annotated: boolean; options: SigningOptions; flags: readonly string[] }[] = [
  { name: '.sig with Rekor v1', annotated: true, options: { entry: 'hashedrekord1' }, flags: LEGACY },
  { name: '.sig with a timestamp', annotated: true, options: { stampedAt: SIGNED_AT }, flags: STAMPED },
  { name: 'bundle with Rekor v1', annotated: false, options: { entry: 'dsse1' }, flags: [] },
  {
    name: 'bundle with Rekor v2 and a timestamp',
    annotated: false,
    options: { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
    flags: ['--use-signed-timestamps'],
  },
];

function signImage(image: string, annotated: boolean, options: SigningOptions): Signing {
  return annotated
    ? signKeyless({ sigstore, message: true, artifact: payloadAbout(image), ...options })
    : signKeyless({ sigstore, statement: statementAbout(image), ...options });
}

for (const [index, { name, annotated, options, flags }] of WAYS.entries()) {
  const attach = annotated ? attachAnnotated : attachBundle;
  describe(`an image signed without keys (${name})`, () => {
    test('is accepted by cosign and by us, for this identity and no other', async () => {
      const image = await registry.push(`right-${index}`);
      await attach(image, signImage(image, annotated, options));
      assert.equal(await cosignAccepts(image, flags), true);
      assert.equal((await weSay(image, exactly(SUBJECT, ISSUER))).code, 'Verified');
      assert.equal((await weSay(image, exactly(SUBJECT, OTHER_ISSUER))).code, 'UntrustedSignature');
      assert.equal((await weSay(image, exactly('dev@example.tes', ISSUER))).code, 'UntrustedSignature');
      const unanchored = '{name: dev, issuerPattern: accounts, subjectPattern: "dev@", trustRoot: private}';
      assert.equal((await weSay(image, unanchored)).code, 'UntrustedSignature');
      const anchored =
        '{name: dev, issuerPattern: "https://accounts[.]example[.]test", subjectPattern: ".*@example[.]test", trustRoot: private}';
      assert.equal((await weSay(image, anchored)).code, 'Verified');
      const publicGood = JSON.stringify({ name: 'dev', issuer: ISSUER, subject: SUBJECT });
      assert.equal((await weSay(image, publicGood)).code, 'UntrustedSignature');
    });

    test('is refused by both where its evidence is of another time', async () => {
      const image = await registry.push(`late-${index}`);
      const signing = signImage(image, annotated, options);
      if (options.stampedAt !== undefined) signing.timestamps = [sigstore.tsa.stamp(signing.signature, LATER)];
      else signing.entries = [logEntry(signing, options.entry ?? 'dsse1', LATER)];
      await attach(image, signing);
      assert.equal(await cosignAccepts(image, flags), false);
      assert.notEqual((await weSay(image, exactly(SUBJECT, ISSUER))).code, 'Verified');
    });

    test('is refused by both where the signature is of another image', async () => {
      const [image, other] = [await registry.push(`taken-${index}`), await registry.push(`other-${index}`)];
      const signing = signImage(other, annotated, options);
      await attach(image, signing);
      assert.equal(await cosignAccepts(image, flags), false);
      assert.notEqual((await weSay(image, exactly(SUBJECT, ISSUER))).code, 'Verified');
    });
  });
}
