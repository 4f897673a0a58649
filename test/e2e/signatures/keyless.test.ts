// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ISSUER, LATER, logEntry, SIGNED_AT, SUBJECT } from '../../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../../fakes/sigstore/keyless.ts';
import { createSigstore, fulcioExtensions, issuerV1, issuerV2 } from '../../fakes/sigstore/sigstore.ts';
import { attachAnnotated, attachBundle, signImage } from '../workbench/keyless-images.ts';
import { startRegistry } from '../workbench/registry.ts';
import type { Registry } from '../workbench/registry.ts';
import { requireTools, run } from '../workbench/tools.ts';

/**
 * Keyless signatures of images in a real registry, verified by the real cosign and by `cosignet verify`. The trust
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

/** What a workflow's certificate says, and the flags with which cosign asks for it. */
const WORKFLOW = { 2: 'push', 3: 'c0ffee', 4: 'release', 5: 'acme/app', 6: 'refs/heads/main' };
const CLAIMS = [
  ['githubWorkflowTrigger', 'trigger', WORKFLOW[2]],
  ['githubWorkflowSHA', 'sha', WORKFLOW[3]],
  ['githubWorkflowName', 'name', WORKFLOW[4]],
  ['githubWorkflowRepository', 'repository', WORKFLOW[5]],
  ['githubWorkflowRef', 'ref', WORKFLOW[6]],
] as const;

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

const saying = (name: string, value: string): string =>
  JSON.stringify({ name: 'dev', issuer: ISSUER, subject: SUBJECT, trustRoot: 'private', claims: [{ name, value }] });

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

for (const [index, { name, annotated, options, flags }] of WAYS.entries()) {
  const sign = (image: string) => signImage(image, annotated, { sigstore, ...options });
  const attach = (image: string, signing: Signing) =>
    annotated ? attachAnnotated(image, signing, folder) : attachBundle(image, signing);
  describe(`an image signed without keys (${name})`, () => {
    test('is accepted by cosign and by us, for this identity and no other', async () => {
      const image = await registry.push(`right-${index}`);
      await attach(image, sign(image));
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

    test("counts for both only where the certificate says what it must of the signer's workflow", async () => {
      const image = await registry.push(`built-${index}`);
      const extensions = [issuerV1(ISSUER), issuerV2(ISSUER), ...fulcioExtensions(WORKFLOW)];
      await attach(image, signImage(image, annotated, { sigstore, ...options, leaf: { extensions } }));
      for (const [claim, flag, value] of CLAIMS) {
        for (const [asked, holds] of [
          [value, true],
          [`${value}s`, false],
        ] as const) {
          const cosign = await cosignAccepts(image, [...flags, `--certificate-github-workflow-${flag}=${asked}`]);
          const { code } = await weSay(image, saying(claim, asked));
          assert.deepEqual([cosign, code], [holds, holds ? 'Verified' : 'UntrustedSignature'], `${claim}=${asked}`);
        }
      }
    });

    test('is refused by both where its evidence is of another time', async () => {
      const image = await registry.push(`late-${index}`);
      const signing = sign(image);
      if (options.stampedAt !== undefined) signing.timestamps = [sigstore.tsa.stamp(signing.signature, LATER)];
      else signing.entries = [logEntry(signing, options.entry ?? 'dsse1', LATER)];
      await attach(image, signing);
      assert.equal(await cosignAccepts(image, flags), false);
      assert.notEqual((await weSay(image, exactly(SUBJECT, ISSUER))).code, 'Verified');
    });

    test('is refused by both where the signature is of another image', async () => {
      const [image, other] = [await registry.push(`taken-${index}`), await registry.push(`other-${index}`)];
      const signing = sign(other);
      await attach(image, signing);
      assert.equal(await cosignAccepts(image, flags), false);
      assert.notEqual((await weSay(image, exactly(SUBJECT, ISSUER))).code, 'Verified');
    });
  });
}
