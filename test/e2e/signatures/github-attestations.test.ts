// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { uriName } from '../../fakes/sigstore/certificates.ts';
import { LATER, signKeyless, SIGNED_AT } from '../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../fakes/sigstore/keyless.ts';
import { createSigstore, fulcioExtensions, issuerV1, issuerV2 } from '../../fakes/sigstore/sigstore.ts';
import { attachBundle, statementAbout } from '../workbench/keyless-images.ts';
import { startRegistry } from '../workbench/registry.ts';
import type { Registry } from '../workbench/registry.ts';
import { requireTools, run } from '../workbench/tools.ts';

/**
 * What `actions/attest-build-provenance` leaves beside an image of a private repository: a provenance and no signature,
 * by an instance of Sigstore that has timestamps, and neither a transparency log nor a certificate log. The real cosign
 * is asked the same.
 */
const sigstore = createSigstore();
const root = { ...sigstore.trustedRoot, tlogs: [], ctlogs: [] };
const PROVENANCE = 'https://slsa.dev/provenance/v1';
const ISSUER = 'https://token.actions.githubusercontent.com';
const WORKFLOW = 'https://github.com/acme/workflows/.github/workflows/build.yaml@refs/tags/v1';
const SOURCE = 'https://github.com/acme/app';
const extensions = [
  issuerV1(ISSUER),
  issuerV2(ISSUER),
  ...fulcioExtensions({ 9: WORKFLOW, 11: 'github-hosted', 12: SOURCE, 14: 'refs/heads/main', 22: 'private' }),
];
const RIGHT: SigningOptions = {
  sigstore,
  subject: uriName(WORKFLOW),
  leaf: { withoutPromise: true, extensions },
  stampedAt: SIGNED_AT,
};

let folder = '';
let registry: Registry;
const file = async (name: string, content: string): Promise<string> => {
  await writeFile(path.join(folder, name), content);
  return path.join(folder, name);
};
before(async () => {
  requireTools('cosign', 'crane', 'referrers-registry');
  folder = await mkdtemp(path.join(tmpdir(), 'github-'));
  registry = await startRegistry(path.join(folder, 'registry'));
});
after(async () => {
  await registry.stop();
  await rm(folder, { recursive: true });
});

async function attest(name: string, options: SigningOptions): Promise<string> {
  const image = await registry.push(name);
  const predicate = { buildDefinition: { buildType: 'https://actions.github.io/buildtypes/workflow/v1' } };
  const statement = statementAbout(image, PROVENANCE, predicate);
  await attachBundle(image, signKeyless({ ...options, statement }), PROVENANCE);
  return image;
}

async function cosignAccepts(image: string, ...flags: readonly string[]): Promise<boolean> {
  const trusted = await file('root.json', JSON.stringify(root));
  const who = ['--certificate-identity', WORKFLOW, '--certificate-oidc-issuer', ISSUER];
  const time = ['--insecure-ignore-tlog=true', '--use-signed-timestamps'];
  const what = ['--type', 'slsaprovenance1', '--trusted-root', trusted];
  const { code } = await run(['cosign', 'verify-attestation', ...what, ...who, ...time, ...flags, image]);
  return code === 0;
}

interface Asked {
  readonly certificateLog?: 'Require' | 'Ignore';
  readonly source?: string;
  /** As text, or as it is. */
  readonly inline?: unknown;
}

async function weSay(image: string, { certificateLog, source = SOURCE, inline = root }: Asked) {
  const config = await file(
    'config.yaml',
    JSON.stringify({ trustRoots: [{ name: 'github', inline, ...(certificateLog && { certificateLog }) }] }),
  );
  const spec = {
    images: ['**'],
    threshold: 0,
    identities: [
      {
        name: 'build',
        issuer: ISSUER,
        subject: WORKFLOW,
        trustRoot: 'github',
        claims: [
          { name: 'sourceRepositoryURI', value: source },
          { name: 'runnerEnvironment', value: 'github-hosted' },
        ],
      },
    ],
    attestations: [
      {
        name: 'provenance',
        predicateType: PROVENANCE,
        conditions: [{ expression: "predicate.buildDefinition.buildType.startsWith('https://actions.github.io/')" }],
      },
    ],
  };
  const document = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'github' }, spec };
  const policies = await file('policy.yaml', JSON.stringify(document));
  const options = ['--config', config, '--policies', policies, '--insecure-registry', registry.host, '-o', 'json'];
  const { stdout, stderr } = await run([process.execPath, 'cli/main.ts', 'verify', ...options, image]);
  assert.notEqual(stdout, '', stderr);
  const verdict: { code: string; message: string; signers: { claims?: object }[]; registryRequests: number } =
    JSON.parse(stdout);
  return verdict;
}

describe('an image of a private repository that GitHub attested', () => {
  test('is accepted by cosign and by us where no certificate log is asked for, and by neither where one is', async () => {
    const image = await attest('private', RIGHT);
    assert.equal(await cosignAccepts(image, '--insecure-ignore-sct=true'), true);
    for (const inline of [root, JSON.stringify(root)]) {
      const verdict = await weSay(image, { certificateLog: 'Ignore', inline });
      assert.equal(verdict.code, 'Verified', verdict.message);
      // The list of referrers, the manifest and the bundle: never a `.sig`.
      assert.equal(verdict.registryRequests, 3);
      assert.deepEqual(verdict.signers[0]?.claims, {
        issuer: ISSUER,
        buildSignerURI: WORKFLOW,
        runnerEnvironment: 'github-hosted',
        sourceRepositoryURI: SOURCE,
        sourceRepositoryRef: 'refs/heads/main',
        sourceRepositoryVisibilityAtSigning: 'private',
      });
    }
    assert.equal(await cosignAccepts(image), false);
    for (const certificateLog of [undefined, 'Require'] as const) {
      const verdict = await weSay(image, certificateLog === undefined ? {} : { certificateLog });
      assert.equal(verdict.code, 'AttestationMissing');
      assert.match(verdict.message, /no promise of a certificate log/);
    }
  });

  test('is accepted by neither without a proven time', async () => {
    const { stampedAt: _, ...untimed } = RIGHT;
    for (const [name, options] of [
      ['untimed', untimed],
      ['late', { ...RIGHT, stampedAt: LATER }],
    ] as const) {
      const image = await attest(name, options);
      assert.equal(await cosignAccepts(image, '--insecure-ignore-sct=true'), false, name);
      assert.equal((await weSay(image, { certificateLog: 'Ignore' })).code, 'AttestationMissing', name);
    }
  });

  test('is refused where the shared workflow was called from another repository', async () => {
    const image = await attest('elsewhere', RIGHT);
    const verdict = await weSay(image, { certificateLog: 'Ignore', source: 'https://github.com/acme/other' });
    assert.equal(verdict.code, 'AttestationMissing');
    assert.match(verdict.message, /the certificate's sourceRepositoryURI is https:\/\/github\.com\/acme\/app/);
  });
});
