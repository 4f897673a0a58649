// SPDX-License-Identifier: Apache-2.0
import { after, before, describe, test } from 'node:test';
import { createAuthority, stampBy, TIME_STAMPING } from '../../fakes/sigstore/authorities.ts';
import type { StampOptions } from '../../fakes/sigstore/authorities.ts';
import { extendedKeyUsage, generateKeys } from '../../fakes/sigstore/certificates.ts';
import {
  bundleFor,
  flipped,
  flipped64,
  LATER,
  logEntry,
  signKeyless,
  SIGNED_AT,
} from '../../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../../fakes/sigstore/keyless.ts';
import { certificatePromise } from '../../fakes/sigstore/promises.ts';
import type { PromiseRequest } from '../../fakes/sigstore/promises.ts';
import { createSigstore, trustedAuthority } from '../../fakes/sigstore/sigstore.ts';
import { SecondOpinion } from './second-opinion.ts';
import type { Asked } from './second-opinion.ts';

/**
 * The real cosign as a second opinion: what the fake Sigstore issues, and what verify-bundle makes of it, must be
 * the same for both. Without this, fake and verifier could share one mistake.
 */
const sigstore = createSigstore();
const elsewhere = createSigstore();
const opinion = new SecondOpinion();
before(() => opinion.open());
after(() => opinion.close());

/** A bundle in another spelling or version. */
type Spell = NonNullable<Asked['spell']>;

const stranger = generateKeys('P-256');
const twoPromises = (asked: PromiseRequest) => [
  certificatePromise(stranger, asked),
  certificatePromise(sigstore.certificateLog, asked),
];

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
    ['two promises, one of an unknown log', { entry: 'dsse1', leaf: { promises: twoPromises } }],
  ];
  for (const [name, options] of cases) {
    test(name, async () => {
      const signing = signKeyless({ sigstore, ...options });
      await opinion.bothSay(true, signing);
    });
  }
});

/** Both the same of one signing, changed or not. */
function bothSay(accepted: boolean, signing: Signing, spell?: Spell): Promise<void> {
  return opinion.bothSay(accepted, signing, spell === undefined ? {} : { spell });
}

const url = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_');
const inEachText =
  (change: (text: string) => string): Spell =>
  (bundle) =>
    JSON.parse(JSON.stringify(bundle), (name, value: unknown) =>
      typeof value === 'string' && /^(rawBytes|keyId|sig|payload|rootHash)$/.test(name) ? change(value) : value,
    );
const typed =
  (mediaType: string): Spell =>
  (bundle) => ({ ...bundle, mediaType });

describe('cosign and verify-bundle agree on the spelling of a bundle', () => {
  const cases: readonly (readonly [string, boolean, Spell])[] = [
    ['0.3, spelled as before', true, typed('application/vnd.dev.sigstore.bundle+json;version=0.3')],
    ['a version to come', false, typed('application/vnd.dev.sigstore.bundle.v0.4+json')],
    ['no media type of a bundle', false, typed('application/json')],
    ['the URL alphabet', true, inEachText(url)],
    ['no padding', true, inEachText((text) => text.replaceAll('=', ''))],
    ['a stray character', false, inEachText((text) => `${text}!`)],
    ['an unknown member', false, (bundle) => ({ ...bundle, unknown: 1 })],
    ['two kinds of content', false, (bundle) => ({ ...bundle, messageSignature: { signature: 'AAAA' } })],
    [
      'two kinds of signer',
      false,
      (bundle) => ({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, publicKey: { hint: '' } } }),
    ],
  ];
  for (const [name, accepted, spell] of cases) {
    test(`${name}: ${accepted ? 'accepted' : 'refused'}`, () =>
      bothSay(accepted, signKeyless({ sigstore, entry: 'dsse1' }), spell));
  }

  for (const version of ['0.1', '0.2'] as const) {
    test(`${version} in both spellings`, async () => {
      const signing = signKeyless({ sigstore, entry: 'dsse1' });
      await bothSay(true, signing, () => bundleFor(signing, version));
      const mediaType = `application/vnd.dev.sigstore.bundle.v${version}+json`;
      await bothSay(true, signing, () => ({ ...bundleFor(signing, version), mediaType }));
    });
  }
});

describe('cosign and verify-bundle agree on the names of a log', () => {
  const other = { origin: 'other.test', signer: 'other.test' };
  test('Rekor v1 is known by its key alone', async () => {
    const signing = signKeyless({ sigstore });
    signing.entries = [logEntry(signing, 'dsse1', SIGNED_AT, other)];
    await bothSay(true, signing);
  });

  for (const names of [other, { origin: 'other.test' }, { origin: 'log2026-1.rekor.example.test - 12' }]) {
    test(`Rekor v2 is not ${names.origin}`, async () => {
      const signing = signKeyless({ sigstore, stampedAt: SIGNED_AT });
      signing.entries = [logEntry(signing, 'hashedrekord2', SIGNED_AT, names)];
      await bothSay(false, signing);
    });
  }
});

describe('cosign and verify-bundle agree on timestamps', () => {
  const intermediate = [extendedKeyUsage(TIME_STAMPING)];
  const authority = createAuthority({}, { more: intermediate });
  const rsa = '1.2.840.113549.1.1.1';
  const cases: readonly (readonly [string, boolean, StampOptions])[] = [
    ['as usual', true, {}],
    ['with a part of a second', true, { info: { time: '20260601000500.5Z' } }],
    ['by an RSA key over SHA-512', true, { kind: 'RSA', response: { hash: 'sha512', signatureAlgorithm: rsa } }],
    ['over SHA-1', false, { info: { hash: 'sha1' } }],
    ['by a certificate that says it in passing', false, { extensions: [extendedKeyUsage(TIME_STAMPING)] }],
    ['by a certificate that had expired', false, { until: new Date('2026-05-01T00:00:00Z') }],
    ['rejected', false, { response: { status: 2 } }],
  ];
  for (const [name, accepted, options] of cases) {
    test(`${name}: ${accepted ? 'accepted' : 'refused'}`, async () => {
      const signing = signKeyless({ sigstore, entry: 'hashedrekord2' });
      const { signing: certificate, response } = stampBy(authority, signing.signature, SIGNED_AT, options);
      signing.timestamps = [response];
      for (const chain of [
        [certificate, authority.intermediate, authority.root],
        [certificate, authority.intermediate],
      ]) {
        signing.root.timestampAuthorities = [trustedAuthority('https://tsa.test', chain)];
        await bothSay(accepted, signing);
      }
    });
  }
});

describe('cosign and verify-bundle agree on certificate chains', () => {
  test('whose anchor is not self-signed', async () => {
    const signing = signKeyless({ sigstore, entry: 'dsse1' });
    signing.root.certificateAuthorities[0]?.certChain.certificates.pop();
    await bothSay(true, signing);
  });

  test('of which only the root is known', async () => {
    const signing = signKeyless({ sigstore, entry: 'dsse1' });
    signing.root.certificateAuthorities[0]?.certChain.certificates.shift();
    await bothSay(false, signing);
  });
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
    ['a key in no log, where there is one', { withKey: true }, () => undefined],
    [
      'an entry with another digest than the signed one',
      { entry: 'hashedrekord2', stampedAt: SIGNED_AT },
      (s) => (s.entries = [logEntry({ ...s, hash: 'sha512' }, 'hashedrekord2')]),
    ],
  ];
  for (const [name, options, change] of cases) {
    test(name, async () => {
      const signing = signKeyless({ sigstore, ...options });
      change(signing);
      await opinion.bothSay(false, signing);
    });
  }
});
