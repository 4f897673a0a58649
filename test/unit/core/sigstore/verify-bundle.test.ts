// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { verifyBundle } from '../../../../core/sigstore/verify-bundle.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { generateKeys, spkiOf } from '../../../fakes/sigstore/certificates.ts';
import type { KeyKind } from '../../../fakes/sigstore/certificates.ts';
import { bundleFor, ISSUER, logEntry, signKeyless, SIGNED_AT, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import type { SigningOptions } from '../../../fakes/sigstore/keyless.ts';
import { createSigstore, fulcioExtensions, issuerV2 } from '../../../fakes/sigstore/sigstore.ts';
import { byIdentity, byKey, encoded, pemOf, refused, restated, rootOf, withValue } from './bundles.ts';

type Version = '0.1' | '0.2' | '0.3';

const sigstore = createSigstore();
const elsewhere = createSigstore();

const url = (base64: string): string => base64.replaceAll('+', '-').replaceAll('/', '_');
const unpadded = (base64: string): string => base64.replaceAll('=', '');

describe('a bundle is accepted', () => {
  const keyless: readonly (readonly [string, SigningOptions, Version])[] = [
    ['message, Rekor v1', { message: true, entry: 'hashedrekord1' }, '0.3'],
    ['message, Rekor v2 and timestamp', { message: true, entry: 'hashedrekord2', stampedAt: SIGNED_AT }, '0.3'],
    ['statement, Rekor v1', { entry: 'dsse1' }, '0.3'],
    ['statement, Rekor v2 and timestamp', { entry: 'hashedrekord2', stampedAt: SIGNED_AT }, '0.3'],
    ['version 0.2', { entry: 'dsse1' }, '0.2'],
    ['version 0.1', { entry: 'intoto2' }, '0.1'],
  ];
  for (const [name, options, version] of keyless) {
    test(`for an identity: ${name}`, async () => {
      const signing = signKeyless({ sigstore, ...options });
      const verdict = await byIdentity(signing, bundleFor(signing, version));
      assert.deepEqual(verdict, {
        ok: true,
        signer: SUBJECT,
        ...(options.message === true ? {} : { predicateType: 'https://slsa.dev/provenance/v1' }),
      });
    });
  }

  const keys: readonly (readonly [string, SigningOptions])[] = [
    ['P-256', {}],
    ['P-384 and SHA-384', { kind: 'P-384' }],
    ['P-384 and SHA-256', { kind: 'P-384', sign: ({ privateKey }, bytes) => sign('sha256', bytes, privateKey) }],
    ['P-521 and SHA-512', { kind: 'P-521' }],
    ['Ed25519', { kind: 'Ed25519' }],
    ['Ed25519ph', { kind: 'Ed25519', prehashed: true }],
    ['RSA', { kind: 'RSA' }],
  ];
  for (const [name, options] of keys) {
    for (const message of [true, false]) {
      test(`for a key: ${name}, ${message ? 'message' : 'statement'}, without and with log entry and timestamp`, async () => {
        const bare = signKeyless({ sigstore, withKey: true, message, ...options });
        const signer = digestOf(spkiOf(bare.keys.publicKey));
        const accepted = await byKey(bare);
        assert.equal(accepted.ok && accepted.signer, signer);
        const entry = message ? 'hashedrekord1' : 'dsse1';
        const logged = signKeyless({ sigstore, withKey: true, message, entry, stampedAt: SIGNED_AT, ...options });
        assert.equal((await byKey(logged)).ok, true);
        const other = { ...logged, keys: generateKeys(options.kind ?? 'P-256') };
        refused(await byKey(other), /not by this key/);
      });
    }
  }

  test('for an identity: timestamp only, where the instance has no transparency log', async () => {
    const signing = signKeyless({ sigstore, stampedAt: SIGNED_AT });
    refused(await byIdentity(signing), /no entry of a trusted transparency log/);
    signing.root.tlogs = [];
    assert.equal((await byIdentity(signing)).ok, true);
  });

  test('in version 0.1 with a proof without a checkpoint, beside the promise', async () => {
    const signing = signKeyless({ sigstore, entry: 'dsse1' });
    const bundle = JSON.parse(
      JSON.stringify(bundleFor(signing, '0.1'), (name, value: unknown) => (name === 'checkpoint' ? undefined : value)),
    );
    assert.equal((await byIdentity(signing, bundle)).ok, true);
  });

  const MEDIA_TYPES: readonly (readonly [Version, string])[] = [
    ['0.1', 'application/vnd.dev.sigstore.bundle.v0.1+json'],
    ['0.2', 'application/vnd.dev.sigstore.bundle.v0.2+json'],
    ['0.3', 'application/vnd.dev.sigstore.bundle+json;version=0.3'],
  ];
  for (const [version, mediaType] of MEDIA_TYPES) {
    test(`of the media type ${mediaType}, by the rules of that version`, async () => {
      const signing = signKeyless({ sigstore, entry: 'dsse1' });
      const bundle = { ...bundleFor(signing, version), mediaType };
      assert.equal((await byIdentity(signing, bundle)).ok, true);
      const path = ['verificationMaterial', 'tlogEntries', '0'];
      const without = (name: string) => byIdentity(signing, withValue(bundle, [...path, name], undefined));
      assert.equal((await without('inclusionProof')).ok, version === '0.1');
    });
  }

  test('in any spelling that protobuf’s JSON has for bytes and enums', async () => {
    const signing = signKeyless({ sigstore, message: true, entry: 'hashedrekord1' });
    const text = JSON.stringify(bundleFor(signing));
    const spelled = (spell: (base64: string) => string) =>
      JSON.parse(text, (name, value: unknown) =>
        typeof value === 'string' && /^(rawBytes|keyId|digest|signature|rootHash|canonicalizedBody)$/.test(name)
          ? spell(value)
          : value,
      );
    for (const spell of [url, unpadded, (base64: string) => url(unpadded(base64))]) {
      assert.equal((await byIdentity(signing, spelled(spell))).ok, true);
    }
    for (const [algorithm, accepted] of [
      [1, true],
      [2, false],
      [0, false],
      ['1', false],
      ['#1', false],
      [99, false],
    ] as const) {
      const bundle = withValue(bundleFor(signing), ['messageSignature', 'messageDigest', 'algorithm'], algorithm);
      assert.equal((await byIdentity(signing, bundle)).ok, accepted, String(algorithm));
    }
  });

  test('with an entry of Rekor v1 that has no date, beside a timestamp', async () => {
    const signing = signKeyless({ sigstore, entry: 'dsse1', stampedAt: SIGNED_AT });
    const [entry] = signing.entries;
    assert.ok(entry);
    delete entry.inclusionPromise;
    delete entry.integratedTime;
    assert.equal((await byIdentity(signing)).ok, true);
  });

  test('with the subject’s SHA-512 only', async () => {
    const signing = signKeyless({ sigstore, withKey: true });
    const sha512 = createHash('sha512').update(signing.artifact).digest('hex');
    assert.equal((await byKey(restated(signing, { sha512 }))).ok, true);
    refused(await byKey(restated(signing, { sha512: sha512.replace(/^./, 'x') })), /not about this artifact/);
  });
});

describe('a bundle is about its digest alone', () => {
  const cases: readonly (readonly [KeyKind, boolean])[] = [
    ['P-256', true],
    ['RSA', true],
    ['Ed25519', false],
    ['P-384', false],
    ['P-521', false],
  ];
  for (const [kind, possible] of cases) {
    test(`message, ${kind}: ${possible ? 'accepted' : 'says that the artifact is needed'}`, async () => {
      const signing = signKeyless({ sigstore, withKey: true, message: true, kind });
      const verdict = await byKey(signing, bundleFor(signing), digestOf(signing.artifact));
      if (possible) {
        assert.equal(verdict.ok, true);
      } else {
        refused(verdict, /only be checked with the artifact itself/);
      }
      const other = await byKey(
        signing,
        { ...bundleFor(signing), messageSignature: { signature: signing.signature.toString('base64') } },
        digestOf(Buffer.from('other')),
      );
      refused(other, possible ? /not by this key/ : /artifact itself/);
    });
  }

  test('message, P-384 over SHA-256', async () => {
    const signing = signKeyless({
      sigstore,
      withKey: true,
      message: true,
      kind: 'P-384',
      sign: ({ privateKey }, bytes) => sign('sha256', bytes, privateKey),
    });
    assert.equal((await byKey(signing, bundleFor(signing), digestOf(signing.artifact))).ok, true);
  });

  test('statement, and keyless', async () => {
    const signing = signKeyless({ sigstore, entry: 'dsse1' });
    const signer = { subject: SUBJECT, issuer: ISSUER, trustRoot: rootOf(signing) };
    const bundle = encoded(bundleFor(signing));
    assert.equal((await verifyBundle({ bundle, artifact: digestOf(signing.artifact), signer })).ok, true);
    refused(
      await verifyBundle({ bundle, artifact: digestOf(Buffer.from('other')), signer }),
      /not about this artifact/,
    );
  });

  test('which must be one', async () => {
    const signing = signKeyless({ sigstore, withKey: true });
    for (const artifact of ['sha256:abc', `sha256:${'A'.repeat(64)}`] as const) {
      refused(await byKey(signing, bundleFor(signing), artifact), /digest is not sha256/);
    }
  });
});

describe('a bundle is refused for an identity', () => {
  const right = signKeyless({ sigstore, entry: 'dsse1' });
  const ask = (subject: string, issuer: string) =>
    verifyBundle({
      bundle: encoded(bundleFor(right)),
      artifact: right.artifact,
      signer: { subject, issuer, trustRoot: rootOf(right) },
    });

  test('of another subject or issuer, exactly', async () => {
    assert.equal((await ask(SUBJECT, ISSUER)).ok, true);
    for (const subject of [
      '',
      'dev',
      'dev@example.tes',
      'dev@example.test.evil',
      'DEV@example.test',
      '.*',
      `${SUBJECT}\n`,
    ]) {
      refused(await ask(subject, ISSUER), /is that of dev@example\.test/);
    }
    for (const issuer of ['', 'https://accounts', `${ISSUER}/`, 'https://accounts.example.testx', '.*']) {
      refused(await ask(SUBJECT, issuer), /was issued for https:\/\/accounts\.example\.test/);
    }
  });

  test('whose certificate does not say what it must', async () => {
    const extensions = [
      issuerV2(ISSUER),
      ...fulcioExtensions({ 12: 'https://github.com/acme/app', 14: 'refs/heads/main' }),
    ];
    const built = signKeyless({ sigstore, entry: 'dsse1', leaf: { extensions } });
    const askFor = (claims: Readonly<Record<string, string>>) =>
      verifyBundle({
        bundle: encoded(bundleFor(built)),
        artifact: built.artifact,
        signer: { subject: SUBJECT, issuer: ISSUER, claims, trustRoot: rootOf(built) },
      });
    const said = { sourceRepositoryURI: 'https://github.com/acme/app', sourceRepositoryRef: 'refs/heads/main' };
    assert.equal((await askFor(said)).ok, true);
    refused(
      await askFor({ ...said, sourceRepositoryRef: 'refs/heads/ma' }),
      /sourceRepositoryRef is refs\/heads\/main, not/,
    );
    refused(await askFor({ ...said, buildTrigger: 'push' }), /buildTrigger is missing, not push/);
    refused(await askFor({ constructor: 'x' }), /constructor is missing/);
  });

  test('where a key signed, and for a key where a certificate did', async () => {
    refused(await byIdentity(signKeyless({ sigstore, withKey: true, entry: 'dsse1' })), /signed with a key/);
    refused(await byKey(right), /signed with a certificate/);
  });

  test('over another artifact', async () => {
    const other = Buffer.from('another artifact');
    refused(await byIdentity(right, bundleFor(right), other), /not about this artifact/);
    const message = signKeyless({ sigstore, message: true, entry: 'hashedrekord1' });
    refused(await byIdentity(message, bundleFor(message), other), /messageDigest is that of another artifact/);
    const bundle = { ...bundleFor(message), messageSignature: { signature: message.signature.toString('base64') } };
    assert.equal((await byIdentity(message, bundle)).ok, true);
    refused(await byIdentity(message, bundle, other), /not by its certificate's key/);
  });

  test('without any evidence of time', async () => {
    const signing = signKeyless({ sigstore });
    refused(await byIdentity(signing), /no entry of a trusted transparency log/);
    signing.root.tlogs = [];
    refused(await byIdentity(signing), /validity cannot be checked/);
  });
});

describe('a bundle is refused for a key whose evidence is wrong', () => {
  const logged: SigningOptions = {
    sigstore,
    withKey: true,
    message: true,
    entry: 'hashedrekord1',
    stampedAt: SIGNED_AT,
  };

  test('another artifact’s log entry', async () => {
    const other = signKeyless({ ...logged, artifact: 'another\n' });
    const signing = signKeyless(logged);
    refused(await byKey({ ...signing, entries: other.entries }), /other content/);
  });

  test('another key’s log entry', async () => {
    const signing = signKeyless(logged);
    const entries = [logEntry({ ...signing, verifier: { key: generateKeys('P-256').publicKey } }, 'hashedrekord1')];
    refused(await byKey({ ...signing, entries }), /another key/);
  });

  test('a timestamp over another signature', async () => {
    const other = signKeyless({ ...logged, artifact: 'another\n' });
    const signing = signKeyless(logged);
    refused(await byKey({ ...signing, timestamps: other.timestamps }), /timestamp could not be verified/);
  });

  test('but log entries and timestamps of strangers do not count', async () => {
    const signing = signKeyless(logged);
    signing.entries.push(logEntry({ ...signing, sigstore: elsewhere }, 'hashedrekord1'));
    signing.root.timestampAuthorities = [];
    assert.equal((await byKey(signing)).ok, true);
    signing.entries.shift();
    refused(await byKey(signing), /no entry of a trusted transparency log/);
  });

  test('and an entry has to be there, where the trusted root has logs', async () => {
    const signing = signKeyless({ sigstore, withKey: true, stampedAt: SIGNED_AT });
    const ask = () => {
      const signer = { key: pemOf(signing), trustRoot: rootOf(signing) };
      return verifyBundle({ bundle: encoded(bundleFor(signing)), artifact: signing.artifact, signer });
    };
    refused(await ask(), /no entry of a trusted transparency log/);
    signing.root.tlogs = [];
    assert.equal((await ask()).ok, true);
  });

  test('and none are looked at without a trusted root', async () => {
    const signing = signKeyless(logged);
    const bundle = encoded(bundleFor({ ...signing, timestamps: [Buffer.from('no timestamp')] }));
    assert.equal(
      (await verifyBundle({ bundle, artifact: signing.artifact, signer: { key: pemOf(signing) } })).ok,
      true,
    );
  });
});
