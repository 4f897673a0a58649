// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { verifyBundle } from '../../../../core/sigstore/verify-bundle.ts';
import { digestOf } from '../../../../core/image/digest.ts';
import { bundleFor, signKeyless, SIGNED_AT } from '../../../fakes/sigstore/keyless.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';
import { byIdentity, byKey, pemOf, refused, restated, valueAt, withValue, type Json } from './bundles.ts';

const sigstore = createSigstore();

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

const isLeaf = (value: unknown, path: readonly string[]): boolean => typeof valueAt(value, path) !== 'object';
