// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { describe, test } from 'node:test';
import * as make from '../../../../fakes/sigstore/certificates.ts';
import { ISSUER, logEntry, signKeyless, SIGNED_AT, SUBJECT } from '../../../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../../../fakes/sigstore/keyless.ts';
import { envelopeOf } from '../../../../fakes/sigstore/sigstore-evidence.ts';
import { issuerV1, issuerV2 } from '../../../../fakes/sigstore/sigstore.ts';
import { type Source, prove, refused, required, sigstore, elsewhere } from './proving.ts';

/** Each way in which evidence comes; all of them right. */
const WAYS: readonly { readonly name: string; readonly from: Source; readonly options: SigningOptions }[] = [
  { name: 'bundle, Rekor v1 dsse', from: 'bundle', options: { entry: 'dsse1' } },
  { name: 'bundle, Rekor v1 intoto', from: 'bundle', options: { entry: 'intoto2' } },
  { name: 'bundle, Rekor v1 hashedrekord', from: 'bundle', options: { entry: 'hashedrekord1' } },
  {
    name: 'bundle, Rekor v2 hashedrekord and timestamp',
    from: 'bundle',
    options: { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
  },
  { name: 'bundle, Rekor v2 dsse and timestamp', from: 'bundle', options: { entry: 'dsse2', stampedAt: SIGNED_AT } },
  { name: 'bundle, Rekor v1 and timestamp', from: 'bundle', options: { entry: 'dsse1', stampedAt: SIGNED_AT } },
  { name: 'bundle, timestamp only', from: 'bundle', options: { stampedAt: SIGNED_AT } },
  { name: '.sig annotations, promise', from: 'annotations', options: { message: true, entry: 'hashedrekord1' } },
  { name: '.sig annotations, timestamp only', from: 'annotations', options: { message: true, stampedAt: SIGNED_AT } },
  { name: '.att annotations, dsse entry', from: 'annotations', options: { entry: 'dsse1' } },
  { name: '.att annotations, intoto entry 0.0.1', from: 'annotations', options: { entry: 'intoto1' } },
  { name: '.att annotations, intoto entry 0.0.2', from: 'annotations', options: { entry: 'intoto2' } },
];

describe('a keyless signature proves who made it', () => {
  for (const { name, from, options } of WAYS) {
    test(name, async () => {
      const signing = signKeyless({ sigstore, ...options });
      assert.deepEqual(await prove(signing, from), {
        issuer: ISSUER,
        subject: SUBJECT,
        claims: { issuer: ISSUER },
        fingerprint: `sha256:${make.sha256(make.spkiOf(signing.keys.publicKey)).toString('hex')}`,
        signedAt: SIGNED_AT.getTime(),
      });
    });
  }

  const keys: readonly (readonly [string, SigningOptions])[] = [
    ['P-384 with SHA-384', { kind: 'P-384' }],
    ['P-384 with SHA-256', { kind: 'P-384', sign: ({ privateKey }, bytes) => sign('sha256', bytes, privateKey) }],
    ['P-521 with SHA-512', { kind: 'P-521' }],
    ['Ed25519', { kind: 'Ed25519' }],
    ['Ed25519ph', { kind: 'Ed25519', prehashed: true }],
    ['RSA', { kind: 'RSA' }],
  ];
  for (const [name, options] of keys) {
    test(`with a certificate for ${name}`, async () => {
      const bundled = signKeyless({ sigstore, entry: 'dsse1', ...options });
      assert.equal((await prove(bundled, 'bundle')).subject, SUBJECT);
      const annotated = signKeyless({ sigstore, message: true, entry: 'hashedrekord1', ...options });
      assert.equal((await prove(annotated, 'annotations')).subject, SUBJECT);
    });
  }

  const workflow = 'https://github.com/acme/app/.github/workflows/release.yaml@refs/tags/v1';
  const subjects: readonly (readonly [string, Buffer, string])[] = [
    ['an e-mail address', make.emailName(SUBJECT), SUBJECT],
    ['a URI', make.uriName(workflow), workflow],
    ['a DNS name', make.dnsName('ci.example.test'), 'ci.example.test'],
    ["Fulcio's user name", make.otherName('1.3.6.1.4.1.57264.1.7', 'müller!example.test'), 'müller!example.test'],
  ];
  for (const [name, subject, expected] of subjects) {
    test(`of ${name}`, async () => {
      const signing = signKeyless({ sigstore, entry: 'dsse1', subject });
      assert.equal((await prove(signing, 'bundle')).subject, expected);
    });
  }

  for (const [name, extensions] of [
    ['only in version 1', [issuerV1(ISSUER)]],
    ['only in version 2', [issuerV2(ISSUER)]],
  ] as const) {
    test(`with the issuer ${name} of the extension`, async () => {
      const signing = signKeyless({ sigstore, entry: 'dsse1', leaf: { extensions } });
      assert.equal((await prove(signing, 'bundle')).issuer, ISSUER);
    });
  }

  test('in an .att layer, with a timestamp over the whole envelope, as cosign makes it', async () => {
    const signing = signKeyless({ sigstore });
    const { payloadType, payload, signatures } = envelopeOf(signing.payload, signing.signature);
    const envelope = { payloadType, payload, signatures: signatures.map(({ sig }) => ({ keyid: '', sig })) };
    signing.timestamps = [sigstore.tsa.stamp(Buffer.from(JSON.stringify(envelope)), SIGNED_AT)];
    assert.equal((await prove(signing, 'annotations')).subject, SUBJECT);
    signing.timestamps = [sigstore.tsa.stamp(signing.signature, SIGNED_AT)];
    await refused(signing, 'annotations', /timestamp could not be verified/);
  });

  test('with a checkpoint of a Rekor v1 that calls itself after its machine', async () => {
    const signing = signKeyless({ sigstore });
    const signer = 'rekor-server-5d7c8d4b9-x2x7q';
    signing.entries = [logEntry(signing, 'dsse1', SIGNED_AT, { origin: signer, signer })];
    assert.equal((await prove(signing, 'bundle')).subject, SUBJECT);
  });

  test('with an entry, where one is required', async () => {
    assert.equal((await required(signKeyless({ sigstore, entry: 'dsse1' }))).subject, SUBJECT);
    await assert.rejects(required(signKeyless({ sigstore, stampedAt: SIGNED_AT })), {
      code: 'TransparencyLogMissing',
      message: /no entry of a trusted transparency log/,
    });
  });

  test('beside entries of logs and timestamps of authorities that are not trusted', async () => {
    const signing = signKeyless({ sigstore, entry: 'dsse1' });
    signing.entries.push(logEntry({ ...signing, sigstore: elsewhere }, 'dsse1'));
    signing.timestamps.push(elsewhere.tsa.stamp(signing.signature, SIGNED_AT));
    // The authorities have one name and serial number; with another serial the timestamp is a stranger's.
    signing.root.timestampAuthorities = [];
    assert.equal((await prove(signing, 'bundle')).subject, SUBJECT);
  });
});
