// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { describe, test } from 'node:test';
import { proveCertificate } from '../../../../core/sigstore/identity.ts';
import { parseTrustRoot } from '../../../../core/sigstore/trust/trust-root.ts';
import { EngineError } from '../../../../core/errors.ts';
import * as make from '../../../fakes/sigstore/certificates.ts';
import { sequence, utf8String } from '../../../fakes/sigstore/der.ts';
import {
  candidateFor,
  entryBody,
  flipped,
  flipped64,
  ISSUER,
  LATER,
  logEntry,
  signKeyless,
  SIGNED_AT,
  SUBJECT,
  VALID_UNTIL,
} from '../../../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../../../fakes/sigstore/keyless.ts';
import { envelopeOf } from '../../../fakes/sigstore/sigstore-evidence.ts';
import { createSigstore, issuerV1, issuerV2 } from '../../../fakes/sigstore/sigstore.ts';

type Source = 'bundle' | 'annotations';

const prove = (signing: Signing, from: Source) =>
  proveCertificate(candidateFor(signing, from), parseTrustRoot(JSON.stringify(signing.root)));

async function refused(signing: Signing, from: Source, reason: RegExp): Promise<void> {
  await assert.rejects(prove(signing, from), (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.match(`${error.code}: ${error.message}`, reason);
    return true;
  });
}

const required = (signing: Signing) =>
  proveCertificate(candidateFor(signing, 'bundle'), parseTrustRoot(JSON.stringify(signing.root)), {
    transparencyLog: 'Require',
  });

const sigstore = createSigstore();
const elsewhere = createSigstore();

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

interface Change {
  readonly name: string;
  readonly change: (signing: Signing) => void;
  readonly reason: RegExp;
}

const other = signKeyless({ sigstore, artifact: 'another artifact\n', entry: 'dsse1', stampedAt: SIGNED_AT });

function entryOf(signing: Signing): Signing['entries'][number] {
  const [entry] = signing.entries;
  assert.ok(entry);
  return entry;
}

function proofOf(signing: Signing): NonNullable<Signing['entries'][number]['inclusionProof']> {
  const { inclusionProof } = entryOf(signing);
  assert.ok(inclusionProof);
  return inclusionProof;
}

/** What holds wherever there is a certificate. */
const CERTIFICATE: readonly Change[] = [
  {
    name: 'a bit of the signature',
    change: (s) => (s.signature = flipped(s.signature)),
    reason: /not by its certificate's key/,
  },
  { name: 'the signature of another statement', change: (s) => (s.signature = other.signature), reason: /signature/ },
  {
    name: 'other signed bytes',
    change: (s) => {
      s.payload = other.payload;
      s.signedBytes = other.signedBytes;
    },
    reason: /not by its certificate's key/,
  },
  {
    name: "another signer's certificate",
    change: (s) => (s.verifier = other.verifier),
    reason: /not by its certificate's key/,
  },
  {
    name: 'a bit of the certificate',
    change: (s) => {
      assert.ok('certificate' in s.verifier);
      s.verifier = { certificate: flipped(s.verifier.certificate) };
    },
    reason: /certificate/,
  },
  {
    name: 'another certificate authority',
    change: (s) => (s.root.certificateAuthorities = elsewhere.trustedRoot.certificateAuthorities),
    reason: /certificate path/,
  },
  {
    name: 'no certificate authority',
    change: (s) => (s.root.certificateAuthorities = []),
    reason: /certificate chain/,
  },
  {
    name: 'an authority that was retired before',
    change: (s) =>
      (s.root.certificateAuthorities = s.root.certificateAuthorities.map((one) => ({
        ...one,
        validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' },
      }))),
    reason: /certificate chain/,
  },
  {
    name: 'a chain without its intermediate',
    change: (s) => s.root.certificateAuthorities[0]?.certChain.certificates.shift(),
    reason: /certificate path/,
  },
  { name: 'another certificate log', change: (s) => (s.root.ctlogs = elsewhere.trustedRoot.ctlogs), reason: /SCT/ },
  {
    name: 'a certificate log of another key under the same id',
    change: (s) => {
      const [log] = s.root.ctlogs;
      const [strange] = elsewhere.trustedRoot.ctlogs;
      assert.ok(log && strange);
      log.publicKey.rawBytes = strange.publicKey.rawBytes;
    },
    reason: /SCT/,
  },
  {
    name: 'a certificate log that was retired before',
    change: (s) =>
      (s.root.ctlogs = s.root.ctlogs.map((one) => ({
        ...one,
        publicKey: { ...one.publicKey, validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } },
      }))),
    reason: /SCT/,
  },
];

const PROMISE: readonly Change[] = [
  {
    name: 'a bit of the promise',
    change: (s) =>
      (entryOf(s).inclusionPromise = {
        signedEntryTimestamp: flipped64(entryOf(s).inclusionPromise?.signedEntryTimestamp ?? ''),
      }),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: "another entry's promise",
    change: (s) => Object.assign(entryOf(s), { inclusionPromise: other.entries[0]?.inclusionPromise }),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'another time under the promise',
    change: (s) => (entryOf(s).integratedTime = String(SIGNED_AT.getTime() / 1000 + 1)),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'another index under the promise',
    change: (s) => (entryOf(s).logIndex = '1000005'),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'a bit of the body',
    change: (s) => (entryOf(s).canonicalizedBody = flipped64(entryOf(s).canonicalizedBody, 20)),
    reason: /inclusionPromise is not by its log/,
  },
  {
    name: 'an entry after the certificate had expired',
    change: (s) =>
      (s.entries = [
        s.sigstore.rekor1.log(JSON.parse(Buffer.from(entryOf(s).canonicalizedBody, 'base64').toString()), LATER),
      ]),
    reason: /expired/,
  },
  {
    name: 'an entry before the certificate was valid',
    change: (s) =>
      (s.entries = [
        s.sigstore.rekor1.log(
          JSON.parse(Buffer.from(entryOf(s).canonicalizedBody, 'base64').toString()),
          new Date('2026-05-31T23:59:59Z'),
        ),
      ]),
    reason: /not valid/,
  },
  {
    name: 'a log that was retired before',
    change: (s) =>
      (s.root.tlogs = s.root.tlogs.map((one) => ({
        ...one,
        publicKey: { ...one.publicKey, validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } },
      }))),
    reason: /outside of the time in which its log is trusted/,
  },
  {
    name: 'an entry of a log that is not trusted',
    change: (s) => (s.root.tlogs = elsewhere.trustedRoot.tlogs),
    reason: /TransparencyLogMissing.*no.*trusted time/,
  },
  {
    name: 'no entry',
    change: (s) => (s.entries = []),
    reason: /TransparencyLogMissing.*neither a log entry nor a timestamp/,
  },
];

const PROOF: readonly Change[] = [
  {
    name: 'a bit of a hash of the proof',
    change: (s) => (proofOf(s).hashes[0] = flipped64(proofOf(s).hashes[0] ?? '')),
    reason: /does not lead from the entry to the root/,
  },
  { name: 'a hash too few', change: (s) => proofOf(s).hashes.pop(), reason: /does not lead/ },
  { name: 'a hash too many', change: (s) => proofOf(s).hashes.push(proofOf(s).rootHash), reason: /does not lead/ },
  {
    name: 'a bit of the root hash',
    change: (s) => (proofOf(s).rootHash = flipped64(proofOf(s).rootHash)),
    reason: /rootHash is not that/,
  },
  { name: 'another tree size', change: (s) => (proofOf(s).treeSize = '8'), reason: /treeSize is not that/ },
  {
    name: 'another index in the proof',
    change: (s) => (proofOf(s).logIndex = '3'),
    reason: /does not lead|logIndex is not that/,
  },
  {
    name: 'an index beyond the tree',
    change: (s) => (proofOf(s).logIndex = '100'),
    reason: /does not lead|logIndex is not that/,
  },
  { name: 'an index below zero', change: (s) => (proofOf(s).logIndex = '-1'), reason: /not a whole number/ },
  {
    name: 'a bit of the signature of the checkpoint',
    change: (s) => {
      const { checkpoint } = proofOf(s);
      checkpoint.envelope = checkpoint.envelope.replace(/(\S+)\n$/, (_, line: string) => `${flipped64(line)}\n`);
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'another size in the checkpoint',
    change: (s) => {
      proofOf(s).treeSize = '8';
      proofOf(s).checkpoint.envelope = proofOf(s).checkpoint.envelope.replace(/\n(7|11)\n/, '\n8\n');
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'another origin in the checkpoint',
    change: (s) => (proofOf(s).checkpoint.envelope = `x${proofOf(s).checkpoint.envelope}`),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'another name at the signature of the checkpoint',
    change: (s) =>
      (proofOf(s).checkpoint.envelope = proofOf(s).checkpoint.envelope.replace(/\u2014 (\S+)/, '\u2014 evil.test')),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a checkpoint that the log made out to another origin',
    change: (s) => (s.entries = [logEntry(s, kindIn(s), SIGNED_AT, { origin: 'other.example.test' })]),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a hint at another key in the checkpoint',
    change: (s) => {
      const { checkpoint } = proofOf(s);
      checkpoint.envelope = checkpoint.envelope.replace(/(\S+)\n$/, (_, line: string) => `${flipped64(line, 0)}\n`);
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'the checkpoint of another log',
    change: (s) =>
      (proofOf(s).checkpoint.envelope =
        other.entries[0] === undefined
          ? ''
          : proofOf(signKeyless({ sigstore: elsewhere, entry: 'dsse1' })).checkpoint.envelope),
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a checkpoint that is none',
    change: (s) => (proofOf(s).checkpoint.envelope = 'hello'),
    reason: /not a signed note/,
  },
  { name: 'no proof', change: (s) => delete entryOf(s).inclusionProof, reason: /inclusionProof is missing/ },
];

/** What the log says that it saw. */
const CONTENT: readonly Change[] = [
  {
    name: "another artifact's entry, rightly logged",
    change: (s) => (s.entries = [logEntry(other, kindIn(s))]),
    reason: /other content|another/,
  },
  {
    name: 'an entry for another signature of the same content',
    change: (s) => (s.entries = [logEntry({ ...s, signature: flipped(s.signature) }, kindIn(s))]),
    reason: /another signature|other content/,
  },
  {
    name: 'an entry for other content under the same signature',
    change: (s) =>
      (s.entries = [logEntry({ ...s, payload: other.payload, signedBytes: other.signedBytes }, kindIn(s))]),
    reason: /other content/,
  },
  {
    name: 'an entry by another certificate',
    change: (s) => (s.entries = [logEntry({ ...s, verifier: other.verifier }, kindIn(s))]),
    reason: /another certificate/,
  },
  {
    name: "an entry by the certificate's bare key",
    change: (s) => (s.entries = [logEntry({ ...s, verifier: { key: s.keys.publicKey } }, kindIn(s))]),
    reason: /another key/,
  },
  {
    name: 'an entry of a kind that says nothing of signatures',
    change: (s) => (s.entries = [s.sigstore.rekor1.log({ ...entryBody(s, 'dsse1'), kind: 'helm' }, SIGNED_AT)]),
    reason: /kind that is not supported/,
  },
];

const BODY: readonly Change[] = [
  {
    name: 'another label of the kind',
    change: (s) => (entryOf(s).kindVersion.kind = 'rekord'),
    reason: /kindVersion is not that of its body/,
  },
  {
    name: 'another label of the version',
    change: (s) => (entryOf(s).kindVersion.version = '0.0.9'),
    reason: /kindVersion is not that of its body/,
  },
  ...CONTENT,
  { name: 'the entry twice', change: (s) => s.entries.push(entryOf(s)), reason: /listed twice/ },
  {
    name: 'a date outside of the certificate that nothing vouches for',
    change: (s) => {
      delete entryOf(s).inclusionPromise;
      entryOf(s).integratedTime = String(LATER.getTime() / 1000);
      s.timestamps = [s.sigstore.tsa.stamp(s.signature, SIGNED_AT)];
    },
    reason: /dated outside of the certificate's validity/,
  },
  {
    name: 'a bad entry of a trusted log beside the good one',
    change: (s) => s.entries.push(logEntry(other, kindIn(s))),
    reason: /other content|another/,
  },
];

/** The kind of the entry that is there, so that what replaces it differs only where it is meant to. */
function kindIn(signing: Signing) {
  const { kind, version } = entryOf(signing).kindVersion;
  const kinds = {
    'dsse/0.0.1': 'dsse1',
    'dsse/0.0.2': 'dsse2',
    'intoto/0.0.1': 'intoto1',
    'intoto/0.0.2': 'intoto2',
    'hashedrekord/0.0.1': 'hashedrekord1',
    'hashedrekord/0.0.2': 'hashedrekord2',
  } as const;
  const found = Object.entries(kinds).find(([name]) => name === `${kind}/${version}`)?.[1];
  assert.ok(found);
  return found;
}

const TIMESTAMP: readonly Change[] = [
  {
    name: 'a timestamp over another signature',
    change: (s) => (s.timestamps = other.timestamps),
    reason: /timestamp could not be verified/,
  },
  {
    name: 'a bit of the timestamp',
    change: (s) => (s.timestamps = s.timestamps.map((one) => flipped(one))),
    reason: /timestamp/,
  },
  {
    name: 'a timestamp that is none',
    change: (s) => (s.timestamps = [Buffer.from('3003020100', 'hex')]),
    reason: /not a valid RFC 3161 response/,
  },
  {
    name: 'a refusal of a timestamp',
    change: (s) =>
      (s.timestamps = s.timestamps.map((one) =>
        Buffer.from(one.toString('hex').replace('3003020100', '3003020102'), 'hex'),
      )),
    reason: /not a valid RFC 3161 response/,
  },
  {
    name: 'a timestamp after the certificate had expired',
    change: (s) => (s.timestamps = [s.sigstore.tsa.stamp(s.signature, LATER)]),
    reason: /expired/,
  },
  {
    name: 'an authority that was retired before',
    change: (s) =>
      (s.root.timestampAuthorities = s.root.timestampAuthorities.map((one) => ({
        ...one,
        validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' },
      }))),
    reason: /outside of the time in which its authority is trusted/,
  },
  {
    name: 'an authority of another key under the same name and number',
    change: (s) => (s.root.timestampAuthorities = elsewhere.trustedRoot.timestampAuthorities),
    reason: /timestamp could not be verified/,
  },
  { name: 'no timestamp', change: (s) => (s.timestamps = []), reason: /TransparencyLogMissing/ },
  {
    name: 'a timestamp of nobody known',
    change: (s) => (s.root.timestampAuthorities = []),
    reason: /TransparencyLogMissing/,
  },
];

const RETIRED: Change = {
  name: 'an undated entry of a log that was retired before the timestamp',
  change: (s) =>
    (s.root.tlogs = s.root.tlogs.map((one) => ({
      ...one,
      publicKey: { ...one.publicKey, validFor: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } },
    }))),
  reason: /of a log that was not trusted at the time of the timestamp/,
};

/** The key ids of Rekor v2 are over the log's name too; Rekor v1 is known by its key alone. */
const NAMES: readonly Change[] = [
  {
    name: 'a checkpoint that the log signed as another',
    change: (s) => {
      const signer = 'other.example.test';
      s.entries = [logEntry(s, kindIn(s), SIGNED_AT, { origin: signer, signer })];
    },
    reason: /checkpoint is not by its log/,
  },
  {
    name: 'a checkpoint of a tree, as only Rekor v1 has them',
    change: (s) =>
      (s.entries = [
        logEntry(s, kindIn(s), SIGNED_AT, { origin: 'log2026-1.rekor.example.test - 1193050959916656506' }),
      ]),
    reason: /checkpoint is not by its log/,
  },
];

/** The log would have had to check a signature over SHA-512, which this is not. */
const HASH: Change = {
  name: 'an entry with another digest of the same content than the signed one',
  change: (s) => (s.entries = [logEntry({ ...s, hash: 'sha512' }, kindIn(s))]),
  reason: /other content/,
};

const INDEX: Change = {
  name: 'an index of the entry that is not that of its proof',
  change: (s) => (entryOf(s).logIndex = '6'),
  reason: /logIndex is not that of its inclusion proof/,
};

const TWICE: Change = {
  name: 'the timestamp twice',
  change: (s) => s.timestamps.push(...s.timestamps),
  reason: /timestamp is listed twice/,
};

const TABLES: readonly {
  readonly from: Source;
  readonly options: SigningOptions;
  readonly changes: readonly Change[];
}[] = [
  { from: 'bundle', options: { entry: 'dsse1' }, changes: [...CERTIFICATE, ...PROMISE, ...PROOF, ...BODY] },
  { from: 'bundle', options: { entry: 'intoto2' }, changes: [...CERTIFICATE, ...BODY] },
  { from: 'bundle', options: { entry: 'hashedrekord1' }, changes: [...BODY, HASH] },
  {
    from: 'bundle',
    options: { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
    changes: [...CERTIFICATE, ...PROOF, ...NAMES, ...BODY, ...TIMESTAMP, HASH],
  },
  {
    from: 'bundle',
    options: { entry: 'dsse2', stampedAt: SIGNED_AT },
    changes: [...BODY, ...TIMESTAMP, RETIRED, INDEX, TWICE],
  },
  { from: 'bundle', options: { stampedAt: SIGNED_AT }, changes: [...CERTIFICATE, ...TIMESTAMP, TWICE] },
  { from: 'annotations', options: { entry: 'dsse1' }, changes: [...CERTIFICATE, ...PROMISE] },
  { from: 'annotations', options: { entry: 'intoto1' }, changes: [...CERTIFICATE, ...CONTENT] },
  { from: 'annotations', options: { message: true, entry: 'hashedrekord1' }, changes: PROMISE },
  { from: 'annotations', options: { message: true, stampedAt: SIGNED_AT }, changes: TIMESTAMP },
];

for (const { from, options, changes } of TABLES) {
  const what = [from, options.entry, options.stampedAt === undefined ? undefined : 'timestamp']
    .filter(Boolean)
    .join(', ');
  describe(`a keyless signature (${what}) is refused for`, () => {
    for (const { name, change, reason } of changes) {
      test(name, async () => {
        const signing = signKeyless({ sigstore, ...options });
        await prove(signing, from); // right, but for the change
        change(signing);
        await refused(signing, from, reason);
      });
    }
  });
}

const ignoring = (signing: Signing) =>
  proveCertificate(candidateFor(signing, 'bundle'), parseTrustRoot(JSON.stringify(signing.root), 'Ignore'));
const unpromised = (options: SigningOptions): Signing => {
  const signing = signKeyless({ sigstore, leaf: { withoutPromise: true }, ...options });
  signing.root = { ...signing.root, tlogs: [], ctlogs: [] };
  return signing;
};

describe('a certificate of an instance without a certificate log', () => {
  test('needs its promise unless the reader of the trust root says otherwise', async () => {
    const signing = unpromised({ stampedAt: SIGNED_AT });
    assert.equal((await ignoring(signing)).subject, SUBJECT);
    await refused(signing, 'bundle', /no promise of a certificate log/);
  });

  test('needs all else: a proven time within its validity, and its authority', async () => {
    await assert.rejects(ignoring(unpromised({})), { code: 'TransparencyLogMissing' });
    await assert.rejects(ignoring(unpromised({ stampedAt: LATER })), /not valid or expired/);
    await assert.rejects(ignoring({ ...unpromised({ stampedAt: SIGNED_AT }), root: elsewhere.trustedRoot }), {
      code: 'UntrustedSignature',
    });
    const strange = unpromised({ stampedAt: SIGNED_AT });
    strange.root = { ...strange.root, certificateAuthorities: elsewhere.trustedRoot.certificateAuthorities };
    await assert.rejects(ignoring(strange), { code: 'UntrustedSignature' });
  });
});

describe('a certificate is refused', () => {
  const leaves: readonly (readonly [string, SigningOptions, RegExp])[] = [
    ['without the promise of a log', { leaf: { withoutPromise: true } }, /no promise of a certificate log/],
    [
      'that is not for signatures',
      { leaf: { extensions: [issuerV2(ISSUER)], usage: make.keyCertSign() } },
      /not for signatures/,
    ],
    ['that is not for code signing', { leaf: { codeSigning: '1.3.6.1.5.5.7.3.1' } }, /not for code signing/],
    ['without an issuer', { leaf: { extensions: [] } }, /names no OIDC issuer/],
    [
      'with two issuers',
      { leaf: { extensions: [issuerV1('https://a.test'), issuerV2('https://b.test')] } },
      /two OIDC issuers/,
    ],
    [
      'with the same extension twice',
      { leaf: { extensions: [issuerV2(ISSUER), issuerV2('https://b.test')] } },
      /extension 1\.3\.6\.1\.4\.1\.57264\.1\.8 twice/,
    ],
    [
      'with a critical extension that nobody understands',
      { leaf: { extensions: [issuerV2(ISSUER), make.extension('1.2.3.4', utf8String('x'), true)] } },
      /unknown critical extension: 1\.2\.3\.4/,
    ],
    [
      'of an authority',
      { leaf: { extensions: [issuerV2(ISSUER), make.certificateAuthority()] } },
      /certificate authority/,
    ],
    [
      'with two names',
      { subject: Buffer.concat([make.emailName(SUBJECT), make.emailName('b@example.test')]) },
      /2 subject alternative names/,
    ],
    ['without a name', { subject: Buffer.alloc(0) }, /no subject alternative name/],
    ['with a name of another kind', { subject: make.otherName('1.2.3', 'x') }, /not supported/],
    ['with a look-alike name', { subject: make.emailName('d\u00e5v@example.test') }, /not ASCII/],
    [
      'with a name that ends early for others',
      { subject: make.emailName('dev@example.test\0.evil.test') },
      /not ASCII/,
    ],
    ['with an empty issuer', { leaf: { extensions: [issuerV2('')] } }, /empty/],
    ['for a small RSA key', { leaf: { publicKey: smallRsa() } }, /RSA key of 1024 bits/],
  ];
  for (const [name, options, reason] of leaves) {
    test(name, async () => {
      await refused(signKeyless({ sigstore, entry: 'dsse1', ...options }), 'bundle', reason);
    });
  }

  test('in another encoding of the same certificate', async () => {
    const signing = signKeyless({ sigstore, stampedAt: SIGNED_AT });
    assert.ok('certificate' in signing.verifier);
    const { certificate } = signing.verifier;
    // The outer length in three bytes, where two are enough (X.690, 10.1). The parser refuses it; signatures are
    // checked over a re-encoding, so that otherwise other bytes would pass for the same certificate.
    signing.verifier = { certificate: Buffer.concat([Buffer.from([0x30, 0x83, 0]), certificate.subarray(2)]) };
    await refused(signing, 'bundle', /MalformedSignature.*length/);
  });

  test('whose parts are missing, in words', async () => {
    for (const leaf of [
      { extensions: [issuerV2(ISSUER), sequence()] },
      { usage: make.extension('2.5.29.15', Buffer.alloc(0), true) },
    ]) {
      const signing = signKeyless({ sigstore, entry: 'dsse1', leaf });
      await refused(signing, 'bundle', /^MalformedSignature: a part of the certificate is missing or malformed$/);
    }
  });

  test('at the first moment after its last', async () => {
    const atTheEnd = signKeyless({ sigstore, entry: 'dsse1', loggedAt: VALID_UNTIL });
    assert.equal((await prove(atTheEnd, 'bundle')).subject, SUBJECT);
    const after = signKeyless({ sigstore, entry: 'dsse1', loggedAt: new Date(VALID_UNTIL.getTime() + 1000) });
    await refused(after, 'bundle', /expired/);
  });

  test('where a key signed', async () => {
    await refused(
      signKeyless({ sigstore, withKey: true, entry: 'dsse1' }),
      'bundle',
      /UntrustedSignature: it carries no certificate/,
    );
    await refused(signKeyless({ sigstore, withKey: true, message: true }), 'annotations', /no certificate/);
  });
});

function smallRsa() {
  return make.generateKeys('RSA-1024').publicKey;
}
