// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseTrustRoot } from '../../core/cosign/trust-root.ts';
import { verifyBundle } from '../../core/cosign/verify-bundle.ts';
import { spkiOf, toPem } from '../fakes/certificates.ts';
import {
  bundleFor,
  flipped,
  flipped64,
  ISSUER,
  LATER,
  logEntry,
  signKeyless,
  SIGNED_AT,
  SUBJECT,
} from '../fakes/keyless.ts';
import type { Signing, SigningOptions } from '../fakes/keyless.ts';
import { createSigstore } from '../fakes/sigstore.ts';

/**
 * The real cosign as a second opinion: what the fake Sigstore issues, and what verify-bundle makes of it, must be
 * the same for both. Without this, fake and verifier could share one mistake.
 */
const COSIGN = fileURLToPath(new URL('../../.cache/tools/bin/cosign', import.meta.url));
const sigstore = createSigstore();
const elsewhere = createSigstore();

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigstore-oracle-'));
});
after(() => rm(folder, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  await writeFile(join(folder, name), content);
  return join(folder, name);
}

async function cosignAccepts(signing: Signing): Promise<boolean> {
  const isMessage = signing.signedBytes === signing.artifact;
  const who =
    'key' in signing.verifier
      ? ['--key', await file('key.pub', toPem('PUBLIC KEY', spkiOf(signing.keys.publicKey)))]
      : ['--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER];
  const argumentsOf = [
    isMessage ? 'verify-blob' : 'verify-blob-attestation',
    ...(isMessage ? [] : ['--type', 'slsaprovenance1']),
    '--bundle',
    await file('bundle.json', JSON.stringify(bundleFor(signing))),
    '--trusted-root',
    await file('root.json', JSON.stringify(signing.root)),
    ...who,
    await file('artifact', signing.artifact),
  ];
  return new Promise((resolve) => {
    execFile(COSIGN, argumentsOf, { timeout: 60_000 }, (error) => resolve(error === null));
  });
}

async function weAccept(signing: Signing): Promise<boolean> {
  const trustRoot = parseTrustRoot(JSON.stringify(signing.root));
  const signer =
    'key' in signing.verifier
      ? { key: toPem('PUBLIC KEY', spkiOf(signing.keys.publicKey)), trustRoot }
      : { subject: SUBJECT, issuer: ISSUER, trustRoot };
  const bundle = Buffer.from(JSON.stringify(bundleFor(signing)));
  return (await verifyBundle({ bundle, artifact: signing.artifact, signer })).ok;
}

describe('cosign and verify-bundle accept', () => {
  const cases: readonly (readonly [string, SigningOptions])[] = [
    ['message, Rekor v1', { message: true, entry: 'hashedrekord1' }],
    ['message, Rekor v2 and timestamp', { message: true, entry: 'hashedrekord2', stampedAt: SIGNED_AT }],
    ['statement, Rekor v1 dsse', { entry: 'dsse1' }],
    ['statement, Rekor v1 intoto', { entry: 'intoto2' }],
    ['statement, Rekor v2 and timestamp', { entry: 'hashedrekord2', stampedAt: SIGNED_AT }],
    ['message by a key, Rekor v1', { message: true, withKey: true, entry: 'hashedrekord1' }],
    ['statement by a key, Rekor v1', { withKey: true, entry: 'dsse1' }],
    ['statement by a key, Rekor v2', { withKey: true, entry: 'hashedrekord2' }],
  ];
  for (const [name, options] of cases) {
    test(name, async () => {
      const signing = signKeyless({ sigstore, ...options });
      assert.equal(await cosignAccepts(signing), true, 'cosign');
      assert.equal(await weAccept(signing), true, 'verify-bundle');
    });
  }
});

describe('cosign and verify-bundle refuse', () => {
  const other = signKeyless({ sigstore, artifact: 'another artifact\n', entry: 'dsse1' });
  const cases: readonly (readonly [string, SigningOptions, (signing: Signing) => unknown])[] = [
    ['another artifact', { entry: 'dsse1' }, (s) => (s.artifact = other.artifact)],
    ['a changed signature', { entry: 'dsse1' }, (s) => (s.signature = flipped(s.signature))],
    ["another's certificate", { entry: 'dsse1' }, (s) => (s.verifier = other.verifier)],
    [
      'another authority',
      { entry: 'dsse1' },
      (s) => (s.root.certificateAuthorities = elsewhere.trustedRoot.certificateAuthorities),
    ],
    ['another certificate log', { entry: 'dsse1' }, (s) => (s.root.ctlogs = elsewhere.trustedRoot.ctlogs)],
    ["another artifact's entry", { entry: 'dsse1' }, (s) => (s.entries = other.entries)],
    [
      'an entry by another certificate',
      { entry: 'dsse1' },
      (s) => (s.entries = [logEntry({ ...s, verifier: other.verifier }, 'dsse1')]),
    ],
    [
      'an entry after the certificate had expired',
      { entry: 'dsse1' },
      (s) => (s.entries = [logEntry(s, 'dsse1', LATER)]),
    ],
    [
      'a changed promise',
      { entry: 'dsse1' },
      (s) =>
        Object.assign(s.entries[0] ?? {}, {
          inclusionPromise: {
            signedEntryTimestamp: flipped64(s.entries[0]?.inclusionPromise?.signedEntryTimestamp ?? ''),
          },
        }),
    ],
    [
      'a changed proof',
      { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
      (s) =>
        Object.assign(s.entries[0]?.inclusionProof ?? {}, {
          hashes: s.entries[0]?.inclusionProof?.hashes.map((one) => flipped64(one)),
        }),
    ],
    [
      'a timestamp over another signature',
      { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
      (s) => (s.timestamps = [sigstore.tsa.stamp(other.signature, SIGNED_AT)]),
    ],
    [
      'a timestamp after the certificate had expired',
      { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
      (s) => (s.timestamps = [sigstore.tsa.stamp(s.signature, LATER)]),
    ],
    ['Rekor v2 without a timestamp', { entry: 'hashedrekord2' }, () => undefined],
    ['a timestamp without a log entry, where there is a log', { stampedAt: SIGNED_AT }, () => undefined],
    ['a certificate that no log promised', { entry: 'dsse1', leaf: { withoutPromise: true } }, () => undefined],
  ];
  for (const [name, options, change] of cases) {
    test(name, async () => {
      const signing = signKeyless({ sigstore, ...options });
      change(signing);
      assert.equal(await cosignAccepts(signing), false, 'cosign');
      assert.equal(await weAccept(signing), false, 'verify-bundle');
    });
  }
});
