// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createAuthority } from '../../fakes/sigstore/authorities.ts';
import {
  digitalSignature,
  emailName,
  extendedKeyUsage,
  generateKeys,
  subjectAlternativeName,
} from '../../fakes/sigstore/certificates.ts';
import { certificatePem, CODE_SIGNING, RELEASE } from '../../fakes/sigstore/own-pki.ts';
import { startRegistry } from '../workbench/registry.ts';
import type { Registry } from '../workbench/registry.ts';
import { output, requireTools, run } from '../workbench/tools.ts';

/** The real cosign signs with a certificate of somebody's own authority, and verifies with `--ca-roots`. */
const authority = createAuthority();
const other = createAuthority();

let folder = '';
let registry: Registry;
const file = async (name: string, content: string): Promise<string> => {
  await writeFile(path.join(folder, name), content);
  return path.join(folder, name);
};
const quiet = () => ({ COSIGN_PASSWORD: '', HOME: folder, DOCKER_CONFIG: folder });
before(async () => {
  requireTools('cosign', 'crane', 'referrers-registry');
  folder = await mkdtemp(path.join(tmpdir(), 'own-pki-'));
  registry = await startRegistry(path.join(folder, 'registry'));
});
after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** Signs the image by cosign, as `.sig` with certificate and chain annotations, or as a bundle with a chain. */
async function sign(image: string, format: 'simple-signing' | 'bundle', validity: Validity = {}): Promise<void> {
  const { publicKey, privateKey } = generateKeys('P-256');
  const key = await file('signer.pem', privateKey.export({ format: 'pem', type: 'pkcs8' }));
  const prefix = path.join(folder, 'signer');
  await rm(`${prefix}.key`, { force: true });
  await output(['cosign', 'import-key-pair', '-y', '--key', key, '--output-key-prefix', prefix], { env: quiet() });
  const certificate = authority.issue({
    publicKey,
    extensions: [digitalSignature(), extendedKeyUsage(CODE_SIGNING), subjectAlternativeName(emailName(RELEASE))],
    ...validity,
  });
  const leaf = await file('leaf.pem', certificatePem(certificate));
  const chain = await file('chain.pem', certificatePem(authority.intermediate) + certificatePem(authority.root));
  const how = ['--tlog-upload=false', '--use-signing-config=false', `--new-bundle-format=${format === 'bundle'}`];
  const whose = ['--key', `${prefix}.key`, '--certificate', leaf, '--certificate-chain', chain];
  await output(['cosign', 'sign', '-y', ...whose, ...how, image], { env: quiet() });
}

async function cosignAccepts(image: string, subject: string, root: Buffer): Promise<boolean> {
  const roots = await file('roots.pem', certificatePem(root));
  // It takes none that come with the signature.
  const between = await file('intermediates.pem', certificatePem(authority.intermediate));
  const authorities = ['--ca-roots', roots, '--ca-intermediates', between];
  const who = ['--certificate-identity', subject, '--certificate-oidc-issuer-regexp', '.*'];
  const how = ['--insecure-ignore-sct=true', '--insecure-ignore-tlog=true', '--new-bundle-format=false'];
  const { code } = await run(['cosign', 'verify', ...authorities, ...who, ...how, image], { env: quiet() });
  return code === 0;
}

async function weSay(image: string, subject: string, root: Buffer): Promise<{ code: string; message: string }> {
  const spec = { images: ['**'], certificates: [{ name: 'release', caPem: certificatePem(root), subject }] };
  const document = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'own' }, spec };
  const policies = await file('policy.yaml', JSON.stringify(document));
  const options = ['--policies', policies, '--insecure-registry', registry.host, '-o', 'json'];
  const { stdout, stderr } = await run([process.execPath, 'cli/main.ts', 'verify', ...options, image]);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

describe('an image that cosign signed with a certificate of its own', () => {
  const cases: readonly (readonly [string, string, Buffer, boolean])[] = [
    ['the right subject', RELEASE, authority.root, true],
    ['another subject', 'somebody@acme.example', authority.root, false],
    ['another authority', RELEASE, other.root, false],
  ];

  test('is accepted by cosign and by us for the right subject and authority only (.sig)', async () => {
    const image = await registry.push('own-sig');
    await sign(image, 'simple-signing');
    for (const [what, subject, root, accepted] of cases) {
      const { code, message } = await weSay(image, subject, root);
      assert.deepEqual(
        [await cosignAccepts(image, subject, root), code],
        [accepted, accepted ? 'Verified' : 'UntrustedSignature'],
        `${what}: ${message}`,
      );
    }
  });

  // cosign 3.1 does not read the bundles with a chain that it writes.
  test('is accepted by us for the right subject and authority only (bundle)', async () => {
    const image = await registry.push('own-bundle');
    await sign(image, 'bundle');
    for (const [what, subject, root, accepted] of cases) {
      const { code, message } = await weSay(image, subject, root);
      assert.equal(code, accepted ? 'Verified' : 'UntrustedSignature', `${what}: ${message}`);
    }
  });

  test('is accepted by neither once its certificate has ended', async () => {
    const image = await registry.push('own-expired');
    const notAfter = new Date(Date.now() + 20_000);
    await sign(image, 'simple-signing', { notAfter });
    const counted = await cosignAccepts(image, RELEASE, authority.root);
    // A machine so slow that it ended meanwhile has shown the end only.
    assert.ok(counted || Date.now() > notAfter.getTime());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, notAfter.getTime() - Date.now()) + 2000));
    assert.equal(await cosignAccepts(image, RELEASE, authority.root), false);
    const { code, message } = await weSay(image, RELEASE, authority.root);
    assert.equal(code, 'UntrustedSignature', message);
    assert.match(message, /nothing proves that it signed then/);
  });
});
