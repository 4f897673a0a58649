// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { parseTimestamp } from '../../../../../core/sigstore/proof/timestamp-token.ts';
import { provenTimes } from '../../../../../core/sigstore/proof/timestamp.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import { CODE_SIGNING, createAuthority, stampBy, TIME_STAMPING } from '../../../../fakes/sigstore/authorities.ts';
import type { StampOptions } from '../../../../fakes/sigstore/authorities.ts';
import * as make from '../../../../fakes/sigstore/certificates.ts';
import { boolean, context, integer, octets, oid, sequence, utf8String } from '../../../../fakes/sigstore/der.ts';
import { createSigstore, EPOCH, trustedAuthority } from '../../../../fakes/sigstore/sigstore.ts';
import type { WindowJson } from '../../../../fakes/sigstore/sigstore.ts';
import { attribute } from '../../../../fakes/sigstore/timestamps.ts';

const TIME = new Date('2026-06-01T00:05:00Z');
const SIGNATURE = Buffer.from('a signature');
const authority = createAuthority();
const sigstore = createSigstore();

interface Listing {
  /** Of the authority in the trust root; `signing` is the certificate that signs. */
  readonly chain?: readonly ('signing' | 'intermediate' | 'root')[];
  readonly sendAlong?: boolean;
  readonly window?: WindowJson;
}

function timesOf(options: StampOptions = {}, listing: Listing = {}, stamped = SIGNATURE): readonly Date[] {
  const { chain = ['signing', 'intermediate', 'root'], sendAlong = false, window } = listing;
  const first = stampBy(authority, SIGNATURE, TIME, options);
  const { signing, response } = sendAlong ? sentAlong(options) : first;
  const certificates = chain.map((name) => (name === 'signing' ? signing : authority[name]));
  const listed = trustedAuthority('https://tsa.test', certificates);
  const timestampAuthorities = [{ ...listed, validFor: window ?? { start: EPOCH.toISOString() } }];
  const root = parseTrustRoot(JSON.stringify({ ...sigstore.trustedRoot, timestampAuthorities }));
  return provenTimes([response], stamped, root);
}

/** The same, with the signing certificate in the response. */
function sentAlong(options: StampOptions) {
  const { publicKey, privateKey } = make.generateKeys('P-256');
  const serial = Buffer.from('4102030405060708', 'hex');
  const extensions = options.extensions ?? [make.extendedKeyUsage(TIME_STAMPING, true)];
  const signing = authority.issue({ publicKey, serial, extensions });
  const response = { key: privateKey, certificates: [signing], ...options.response };
  return { signing, response: stampBy(authority, SIGNATURE, TIME, { ...options, response }).response };
}

const RSA = '1.2.840.113549.1.1.1';

describe('a timestamp proves a time', () => {
  const ways: readonly (readonly [string, StampOptions])[] = [
    ['as most authorities make it', {}],
    [
      'with accuracy, order, nonce and name',
      {
        info: {
          more: [sequence(integer(1)), boolean(true), integer(77), context(0, context(4, make.nameOf('anybody')))],
        },
      },
    ],
    ['with a longer digest', { info: { hash: 'sha512' } }],
    ['with modifications', { response: { status: 1 } }],
    [
      'by an RSA key that names its hash',
      { kind: 'RSA', response: { hash: 'sha512', signatureAlgorithm: '1.2.840.113549.1.1.13' } },
    ],
    [
      'by an RSA key that names SHA-384',
      { kind: 'RSA', response: { hash: 'sha384', signatureAlgorithm: '1.2.840.113549.1.1.12' } },
    ],
    ['by an RSA key that does not', { kind: 'RSA', response: { hash: 'sha384', signatureAlgorithm: RSA } }],
    ['by an RSA key and SHA-256', { kind: 'RSA', response: { signatureAlgorithm: RSA } }],
    ['by P-384', { kind: 'P-384', response: { hash: 'sha384', signatureAlgorithm: '1.2.840.10045.4.3.3' } }],
    ['by P-521', { kind: 'P-521', response: { hash: 'sha512', signatureAlgorithm: '1.2.840.10045.4.3.4' } }],
  ];
  for (const [name, options] of ways) {
    test(name, () => assert.deepEqual(timesOf(options), [TIME]));
  }

  for (const [text, expected] of [
    ['20260601000500.5Z', '2026-06-01T00:05:00.500Z'],
    ['20260601000500.12Z', '2026-06-01T00:05:00.120Z'],
    ['20260601000500.123456789Z', '2026-06-01T00:05:00.123Z'],
  ] as const) {
    test(`with a part of a second: ${text}`, () => {
      assert.deepEqual(timesOf({ info: { time: text } }), [new Date(expected)]);
    });
  }

  const chains: readonly (readonly [string, Listing])[] = [
    ['where the anchor is not self-signed', { chain: ['signing', 'intermediate'] }],
    ['with its certificate, under authorities of the trust root', { chain: ['intermediate', 'root'], sendAlong: true }],
    ['with its certificate, under one that is not self-signed', { chain: ['intermediate'], sendAlong: true }],
    ['with its certificate, which the trust root has too', { sendAlong: true }],
  ];
  for (const [name, listing] of chains) {
    test(name, () => assert.deepEqual(timesOf({}, listing), [TIME]));
  }
});

const usagesOf = (...usages: readonly string[]) => make.extension('2.5.29.37', sequence(...usages.map(oid)), true);

describe('a timestamp is refused', () => {
  const changes: readonly (readonly [string, StampOptions, RegExp])[] = [
    [
      'whose certificate has other uses too',
      { extensions: [usagesOf(TIME_STAMPING, CODE_SIGNING)] },
      /not for time stamping only/,
    ],
    ['whose certificate says it in passing', { extensions: [make.extendedKeyUsage(TIME_STAMPING)] }, /not critical/],
    [
      'whose certificate is not for signatures',
      { extensions: [make.extendedKeyUsage(TIME_STAMPING, true), make.keyCertSign()] },
      /not for signatures/,
    ],
    [
      'whose certificate has an unknown critical extension',
      { extensions: [make.extendedKeyUsage(TIME_STAMPING, true), make.extension('1.2.3.4', utf8String('x'), true)] },
      /unknown critical extension/,
    ],
    ['whose certificate had expired', { until: new Date('2026-05-01T00:00:00Z') }, /expired/],
    [
      'that another key signed',
      { response: { key: make.generateKeys('P-256').privateKey } },
      /not signed by its authority/,
    ],
    ['that the authority rejected', { response: { status: 2 } }, /not a valid RFC 3161 response/],
    ['that is over SHA-1', { info: { hash: 'sha1' } }, /not a valid RFC 3161 response/],
    [
      'that is signed as something else',
      { response: { contentType: '1.2.840.113549.1.7.1' } },
      /not a valid RFC 3161 response/,
    ],
    [
      'whose signature is over other content',
      { response: { digested: Buffer.from('other') } },
      /not a valid RFC 3161 response/,
    ],
    [
      'with an unknown signature algorithm',
      { response: { signatureAlgorithm: '1.2.3.4' } },
      /not a valid RFC 3161 response/,
    ],
    ['with a time that is not UTC', { info: { time: '20260601020500+0200' } }, /not a valid RFC 3161 response/],
    ['with a time of another kind', { info: { time: '2026-06-01T00:05:00Z' } }, /not a valid RFC 3161 response/],
    ['with two signers', { response: { signers: 2 } }, /not a valid RFC 3161 response/],
    ['of another type', { response: { tokenType: '1.2.840.113549.1.7.1' } }, /not a valid RFC 3161 response/],
    [
      'about another type of content',
      { response: { innerType: '1.2.840.113549.1.7.1' } },
      /not a valid RFC 3161 response/,
    ],
    [
      'with two digests of its content',
      { response: { moreAttributes: [attribute('1.2.840.113549.1.9.4', octets(Buffer.alloc(32, 0xff)))] } },
      /not a valid RFC 3161 response/,
    ],
    [
      'with more certificates than anybody sends',
      { response: { certificates: Array.from({ length: 9 }, () => authority.intermediate) } },
      /not a valid RFC 3161 response/,
    ],
    ['with a time that has no zone', { info: { time: '20260601000500' } }, /not a valid RFC 3161 response/],
    ['with a time that is none', { info: { time: '20261301000500Z' } }, /not a valid RFC 3161 response/],
    ['with more digits than a time has', { info: { time: '20260601000500123Z' } }, /not a valid RFC 3161 response/],
  ];
  for (const [name, options, reason] of changes) {
    test(name, () => assert.throws(() => timesOf(options), reason));
  }

  test('over another signature', () => {
    assert.throws(() => timesOf({}, {}, Buffer.from('another')), /over another signature/);
  });

  test('of an authority that was not trusted then', () => {
    assert.throws(
      () => timesOf({}, { window: { start: '2020-01-01T00:00:00Z', end: '2026-05-01T00:00:00Z' } }),
      /outside of the time/,
    );
  });

  test('whose certificate comes with it and is not for time stamping', () => {
    const options = { extensions: [make.extendedKeyUsage(CODE_SIGNING, true)] };
    const listing = { chain: ['intermediate', 'root'], sendAlong: true } as const;
    assert.throws(() => timesOf(options, listing), /not for time stamping/);
  });

  test('whose certificate comes with it and is by another authority of the same name', () => {
    const { publicKey, privateKey } = make.generateKeys('P-256');
    const serial = Buffer.from('4102030405060708', 'hex');
    const extensions = [make.extendedKeyUsage(TIME_STAMPING, true)];
    const forged = createAuthority().issue({ publicKey, serial, extensions });
    const response = { key: privateKey, certificates: [forged] };
    assert.throws(() => timesOf({ response }, { chain: ['intermediate', 'root'] }), /no certificate path/);
  });
});

describe('a timestamp says nothing', () => {
  test('by an authority that is not trusted', () => {
    const root = parseTrustRoot(JSON.stringify(sigstore.trustedRoot));
    assert.deepEqual(provenTimes([stampBy(authority, SIGNATURE, TIME).response], SIGNATURE, root), []);
  });

  test('by a certificate with another number than the one that the trust root has', () => {
    const other = authority.issue({
      publicKey: make.generateKeys('P-256').publicKey,
      extensions: [usagesOf(TIME_STAMPING)],
    });
    const timestampAuthorities = [
      trustedAuthority('https://tsa.test', [other, authority.intermediate, authority.root]),
    ];
    const root = parseTrustRoot(JSON.stringify({ ...sigstore.trustedRoot, timestampAuthorities }));
    assert.deepEqual(provenTimes([stampBy(authority, SIGNATURE, TIME).response], SIGNATURE, root), []);
  });

  test('without its certificate, where the trust root has only authorities', () => {
    assert.deepEqual(timesOf({}, { chain: ['intermediate', 'root'] }), []);
  });
});

test('a key with which nothing can be verified signed no timestamp', () => {
  const { verifies } = parseTimestamp(stampBy(authority, SIGNATURE, TIME).response);
  assert.equal(verifies(generateKeyPairSync('x25519').publicKey), false);
});
