// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseTrustRoot } from '../../../../core/sigstore/trust/trust-root.ts';
import { verifyBundle } from '../../../../core/sigstore/verify-bundle.ts';
import type { BundleVerdict } from '../../../../core/sigstore/verify-bundle.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { generateKeys, spkiOf, toPem } from '../../../fakes/certificates.ts';
import type { KeyKind } from '../../../fakes/certificates.ts';
import { bundleFor, ISSUER, logEntry, signKeyless, SIGNED_AT, SUBJECT } from '../../../fakes/keyless.ts';
import type { Signing, SigningOptions } from '../../../fakes/keyless.ts';
import { preAuthEncoding } from '../../../fakes/sigstore-evidence.ts';
import { createSigstore, signWith, fulcioExtensions, issuerV2 } from '../../../fakes/sigstore.ts';

type Version = '0.1' | '0.2' | '0.3';

const sigstore = createSigstore();
const elsewhere = createSigstore();

const encoded = (bundle: unknown): Buffer => Buffer.from(JSON.stringify(bundle));
const rootOf = (signing: Signing) => parseTrustRoot(JSON.stringify(signing.root));

/** By the certificate's identity. */
function byIdentity(signing: Signing, bundle: unknown = bundleFor(signing), artifact = signing.artifact) {
  const signer = { subject: SUBJECT, issuer: ISSUER, trustRoot: rootOf(signing) };
  return verifyBundle({ bundle: encoded(bundle), artifact, signer });
}

const pemOf = ({ keys }: Signing): string => toPem('PUBLIC KEY', spkiOf(keys.publicKey));

/** With the trust root where something comes with the signature that it could vouch for. */
function byKey(
  signing: Signing,
  bundle: unknown = bundleFor(signing),
  artifact: Buffer | `sha256:${string}` = signing.artifact,
) {
  const trustRoot = signing.entries.length === 0 ? {} : { trustRoot: rootOf(signing) };
  return verifyBundle({ bundle: encoded(bundle), artifact, signer: { key: pemOf(signing), ...trustRoot } });
}

function refused(verdict: BundleVerdict, reason: RegExp): void {
  assert.ok(!verdict.ok, 'accepted');
  assert.match(verdict.reason, reason);
  assert.doesNotMatch(verdict.reason, /\n/);
}

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

/** The same signer's statement about other digests, rightly signed. */
function restated(signing: Signing, digest: unknown, change: object = {}): Signing {
  const statement = { ...JSON.parse(signing.payload.toString()), subject: [{ name: 'x', digest }], ...change };
  const payload = Buffer.from(JSON.stringify(statement));
  const signedBytes = preAuthEncoding(payload);
  return { ...signing, payload, signedBytes, signature: signWith(signing.keys, 'P-256', signedBytes) };
}

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

type Json = Record<string, unknown>;

describe('a malformed bundle gives one line', () => {
  const signing = signKeyless({ sigstore, entry: 'dsse1', stampedAt: SIGNED_AT });
  const keySigned = signKeyless({ sigstore, withKey: true });

  test('for what is no JSON object', async () => {
    for (const bytes of ['', 'null', '[]', '"x"', '{', '\u0000', '{"mediaType":1}', '{"a":1,"a":2}']) {
      const signer = { key: pemOf(keySigned) };
      refused(await verifyBundle({ bundle: Buffer.from(bytes), artifact: keySigned.artifact, signer }), /./);
    }
    const nested = Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`);
    refused(await verifyBundle({ bundle: nested, artifact: nested, signer: { key: pemOf(keySigned) } }), /deep|JSON/);
  });

  test('for a media type of no known version', async () => {
    for (const mediaType of [
      '',
      'application/json',
      'application/vnd.dev.sigstore.bundle+json;version=0.4',
      'application/vnd.dev.sigstore.bundle.v0.9+json',
      'constructor',
    ]) {
      refused(await byIdentity(signing, { ...bundleFor(signing), mediaType }), /mediaType/);
    }
  });

  test('for each member that is missing, null, empty or of another type', async () => {
    for (const [original, verify] of [
      [bundleFor(signing), byIdentity],
      [bundleFor(keySigned), byKey],
      [bundleFor(signKeyless({ sigstore, withKey: true, message: true })), byKey],
    ] as const) {
      for (const path of pathsIn(original)) {
        for (const value of [undefined, null, '', '*', 12_345, -1, {}, [], true]) {
          const verdict = await verify(verify === byKey ? keySigned : signing, withValue(original, path, value));
          const reason = verdict.ok
            ? `accepted: ${path.join('.')} = ${JSON.stringify(value) ?? 'nothing'}`
            : verdict.reason;
          assert.doesNotMatch(reason, /\n|undefined|TypeError|is not a function|Cannot read/);
          assert.ok(!verdict.ok || MAY_CHANGE.test(path.join('.')), reason);
        }
      }
    }
  });

  test('for members that nobody knows', async () => {
    for (const path of pathsIn(bundleFor(signing)).filter((path_) => !isLeaf(bundleFor(signing), path_))) {
      const unknown = withValue(bundleFor(signing), [...path, 'unknown'], 'x');
      if (Array.isArray(valueAt(bundleFor(signing), path))) continue;
      refused(await byIdentity(signing, unknown), /unknown member/);
    }
  });

  const changes: readonly (readonly [string, (bundle: Json) => Json, RegExp])[] = [
    [
      'both kinds of content',
      (b) => ({ ...b, messageSignature: { signature: 'AAAA' } }),
      /exactly one of messageSignature and dsseEnvelope/,
    ],
    [
      'no content',
      (b) => withValue(b, ['dsseEnvelope'], undefined),
      /exactly one of messageSignature and dsseEnvelope/,
    ],
    [
      'base64 with a stray character',
      (b) => withValue(b, ['dsseEnvelope', 'signatures', '0', 'sig'], `${signing.signature.toString('base64')}!`),
      /base64/,
    ],
    [
      'base64 without its padding',
      (b) => withValue(b, ['verificationMaterial', 'tlogEntries', '0', 'logId', 'keyId'], 'AAAAA'),
      /base64/,
    ],
    ['no signature', (b) => withValue(b, ['dsseEnvelope', 'signatures'], []), /exactly one signature/],
    [
      'two signatures',
      (b) => withValue(b, ['dsseEnvelope', 'signatures'], [{ sig: 'AAAA' }, { sig: 'AAAA' }]),
      /more than 1|exactly one/,
    ],
    ['another payload type', (b) => withValue(b, ['dsseEnvelope', 'payloadType'], 'text/plain'), /payload type/],
    [
      'certificate and key',
      (b) => withValue(b, ['verificationMaterial', 'publicKey'], { hint: '' }),
      /both publicKey and certificate/,
    ],
    [
      'a chain in version 0.3',
      (b) =>
        withValue(
          withValue(b, ['verificationMaterial', 'certificate'], undefined),
          ['verificationMaterial', 'x509CertificateChain'],
          { certificates: [{ rawBytes: 'AAAA' }] },
        ),
      /not allowed in version 0\.3/,
    ],
    [
      'no promise in version 0.1',
      (b) => ({
        ...withValue(b, ['verificationMaterial', 'tlogEntries', '0', 'inclusionPromise'], undefined),
        mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
      }),
      /inclusionPromise is missing/,
    ],
    [
      'no proof in version 0.2',
      (b) => ({
        ...withValue(b, ['verificationMaterial', 'tlogEntries', '0', 'inclusionProof'], undefined),
        mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
      }),
      /inclusionProof is missing/,
    ],
    [
      'no proof in version 0.3',
      (b) => withValue(b, ['verificationMaterial', 'tlogEntries', '0', 'inclusionProof'], undefined),
      /inclusionProof is missing/,
    ],
    [
      'no checkpoint in version 0.3',
      (b) => withValue(b, ['verificationMaterial', 'tlogEntries', '0', 'inclusionProof', 'checkpoint'], undefined),
      /checkpoint/,
    ],
    [
      'too many entries',
      (b) =>
        withValue(
          b,
          ['verificationMaterial', 'tlogEntries'],
          Array.from({ length: 33 }, () => signing.entries[0]),
        ),
      /more than 32/,
    ],
    [
      'too many hashes',
      (b) =>
        withValue(
          b,
          ['verificationMaterial', 'tlogEntries', '0', 'inclusionProof', 'hashes'],
          Array.from({ length: 65 }, () => 'AAAA'),
        ),
      /more than 64/,
    ],
    [
      'too large a number',
      (b) => withValue(b, ['verificationMaterial', 'tlogEntries', '0', 'integratedTime'], '9999999999999999999'),
      /outside of the time|not by its log/,
    ],
  ];
  for (const [name, change, reason] of changes) {
    test(name, async () => refused(await byIdentity(signing, change({ ...bundleFor(signing) })), reason));
  }

  const statements: readonly (readonly [string, unknown, object, RegExp])[] = [
    ['no subject', {}, { subject: [] }, /not about this artifact/],
    ['a subject that is null', {}, { subject: null }, /not about this artifact/],
    ['a subject without digests', {}, {}, /not about this artifact/],
    ['a digest that is null', { sha256: null }, {}, /not about this artifact/],
    [
      'a digest in capitals',
      { sha256: digestOf(keySigned.artifact).slice(7).toUpperCase() },
      {},
      /not about this artifact/,
    ],
    [
      'one digest right and one wrong',
      { sha256: digestOf(keySigned.artifact).slice(7), sha512: 'x' },
      {},
      /not about this artifact/,
    ],
    [
      'another type',
      { sha256: digestOf(keySigned.artifact).slice(7) },
      { _type: 'https://example.test/' },
      /not an in-toto statement/,
    ],
    [
      'no predicate type',
      { sha256: digestOf(keySigned.artifact).slice(7) },
      { predicateType: undefined },
      /predicateType is missing/,
    ],
  ];
  for (const [name, digest, change, reason] of statements) {
    test(`statement: ${name}`, async () => refused(await byKey(restated(keySigned, digest, change)), reason));
  }

  test('for any JSON that fast-check thinks of', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (json) => {
        const verdict = await verifyBundle({
          bundle: Buffer.from(json),
          artifact: keySigned.artifact,
          signer: { key: pemOf(keySigned) },
        });
        return !verdict.ok && !verdict.reason.includes('\n');
      }),
      { numRuns: 200 },
    );
  });
});

/** Without them a bundle is as good: they identify, or repeat, or are one proof of two. */
const MAY_CHANGE =
  /^(verificationMaterial\.(timestampVerificationData.*|tlogEntries|publicKey(\.hint)?|tlogEntries\.0\.(inclusionPromise.*|integratedTime))|messageSignature\.messageDigest)$/;

function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, one]) => pathsIn(one, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const step of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined;
  return at;
}

const isLeaf = (value: unknown, path: readonly string[]): boolean => typeof valueAt(value, path) !== 'object';

/** A copy with one value replaced; undefined removes it. */
function withValue(original: object, path: readonly string[], value: unknown): Json {
  const copy: Json = structuredClone({ ...original });
  const parent = valueAt(copy, path.slice(0, -1));
  const last = path.at(-1);
  assert.ok(typeof parent === 'object' && parent !== null && last !== undefined);
  if (value === undefined) Reflect.deleteProperty(parent, last);
  else Reflect.set(parent, last, value);
  return copy;
}
