// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { publicGoodTrustRoot } from '../../../../../core/sigstore/trust/public-good.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import { signKeyless } from '../../../../fakes/sigstore/keyless.ts';
import { createSigstore } from '../../../../fakes/sigstore/sigstore.ts';
import type { TrustedRootJson } from '../../../../fakes/sigstore/sigstore.ts';

const { trustedRoot } = createSigstore();

const curve = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).publicKey;

describe('a trusted root is read', () => {
  test('with authorities, logs and their windows', () => {
    const root = structuredClone(trustedRoot);
    const [log] = root.tlogs;
    assert.ok(log);
    log.publicKey.validFor = { start: '2026-01-01T00:00:00.5Z', end: '2026-02-01T02:00:00+02:00' };
    const read = parseTrustRoot(JSON.stringify(root));
    assert.equal(read.certificateAuthorities[0]?.certChain.length, 2);
    assert.equal(read.timestampAuthorities.length, 1);
    assert.equal(read.certificateLogs.length, 1);
    assert.deepEqual(
      read.transparencyLogs.map(({ baseUrl, hash }) => [baseUrl, hash]),
      [
        ['https://rekor.example.test', 'sha256'],
        ['https://log2026-1.rekor.example.test', null],
      ],
    );
    assert.deepEqual(read.transparencyLogs[0]?.validFor, {
      start: new Date('2026-01-01T00:00:00.500Z'),
      end: new Date('2026-02-01T00:00:00Z'),
    });
  });

  test('with key types by their numbers, which protobuf reads too', () => {
    const root = structuredClone(trustedRoot);
    Object.assign(root.tlogs[0]!.publicKey, { keyDetails: 5 });
    Object.assign(root.tlogs[1]!.publicKey, { keyDetails: 7 });
    assert.deepEqual(parseTrustRoot(JSON.stringify(root)), parseTrustRoot(JSON.stringify(trustedRoot)));
    Object.assign(root.tlogs[0]!.publicKey, { keyDetails: 14 });
    assert.throws(
      () => parseTrustRoot(JSON.stringify(root)),
      /^Error: tlogs\[0\]\.publicKey\.keyDetails is not supported: 14/,
    );
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  // sigstore_common.proto, PublicKeyDetails: name, number, and what it says of signatures.
  for (const [name, number, key, hash] of [
    ['PKCS1_RSA_PKCS1V5', 1, rsa, 'sha256'],
    ['PKIX_RSA_PKCS1V5', 3, rsa, 'sha256'],
    ['PKIX_ECDSA_P256_SHA_256', 5, curve('P-256'), 'sha256'],
    ['PKIX_ED25519', 7, generateKeyPairSync('ed25519').publicKey, null],
    ['PKIX_RSA_PKCS1V15_2048_SHA256', 9, rsa, 'sha256'],
    ['PKIX_RSA_PKCS1V15_3072_SHA256', 10, rsa, 'sha256'],
    ['PKIX_RSA_PKCS1V15_4096_SHA256', 11, rsa, 'sha256'],
    ['PKIX_ECDSA_P384_SHA_384', 12, curve('P-384'), 'sha384'],
    ['PKIX_ECDSA_P521_SHA_512', 13, curve('P-521'), 'sha512'],
  ] as const) {
    test(`with a log whose key is ${name}, by name and by number ${number}`, () => {
      const der = key.export({ format: 'der', type: name.startsWith('PKCS1') ? 'pkcs1' : 'spki' });
      for (const keyDetails of [name, number]) {
        const root = structuredClone(trustedRoot);
        Object.assign(root.tlogs[0]!.publicKey, { keyDetails, rawBytes: der.toString('base64') });
        const [log] = parseTrustRoot(JSON.stringify(root)).transparencyLogs;
        assert.deepEqual([log?.hash, log?.key.equals(key)], [hash, true]);
      }
    });
  }

  test('without what an instance does not have', () => {
    const { mediaType } = trustedRoot;
    const { certificateLog, ...parts } = parseTrustRoot(JSON.stringify({ mediaType }));
    assert.equal(certificateLog, 'Require');
    assert.deepEqual(Object.values(parts).flat(), []);
  });
});

describe('a trusted root is refused, naming the field', () => {
  const changes: readonly (readonly [string, (root: TrustedRootJson) => unknown, RegExp])[] = [
    ['another media type', (root) => (root.mediaType = 'application/json'), /mediaType is not that of a trusted root/],
    ['lists that are none', (root) => Object.assign(root, { tlogs: {} }), /^tlogs is not a list/],
    [
      'a certificate that is none',
      (root) => (root.certificateAuthorities[0]!.certChain.certificates[0]!.rawBytes = 'AAAA'),
      /^certificateAuthorities\[0\]\.certChain\.certificates\[0\]\.rawBytes is not a certificate/,
    ],
    [
      'base64 that is none',
      (root) => (root.certificateAuthorities[0]!.certChain.certificates[1]!.rawBytes = '!'),
      /certificates\[1\]\.rawBytes is not valid base64/,
    ],
    [
      'an empty chain',
      (root) => (root.certificateAuthorities[0]!.certChain.certificates = []),
      /certificates is empty/,
    ],
    [
      'a log key that is none',
      (root) => (root.tlogs[1]!.publicKey.rawBytes = 'AAAA'),
      /^tlogs\[1\]\.publicKey\.rawBytes is not a public key/,
    ],
    [
      'a log key of an unknown type',
      (root) => (root.ctlogs[0]!.publicKey.keyDetails = 'LMS_SHA256'),
      /^ctlogs\[0\]\.publicKey\.keyDetails is not supported: LMS_SHA256/,
    ],
    [
      'a key type that objects inherit',
      (root) => (root.ctlogs[0]!.publicKey.keyDetails = 'constructor'),
      /keyDetails is not supported/,
    ],
    [
      'a log without an id',
      (root) => Object.assign(root.tlogs[0]!, { logId: undefined }),
      /^tlogs\[0\]\.logId is missing/,
    ],
    [
      'a log without a start',
      (root) => (root.tlogs[0]!.publicKey.validFor = { end: '2026-12-01T00:00:00Z' }),
      /^tlogs\[0\]\.publicKey\.validFor\.start is missing/,
    ],
    [
      'a certificate log that says nothing of its time',
      (root) => Object.assign(root.ctlogs[0]!.publicKey, { validFor: undefined }),
      /^ctlogs\[0\]\.publicKey\.validFor is missing/,
    ],
    [
      'a certificate authority without a start',
      (root) => Object.assign(root.certificateAuthorities[0]!, { validFor: {} }),
      /^certificateAuthorities\[0\]\.validFor\.start is missing/,
    ],
    [
      'a timestamp authority without a start',
      (root) => Object.assign(root.timestampAuthorities[0]!, { validFor: { start: null } }),
      /^timestampAuthorities\[0\]\.validFor\.start is missing/,
    ],
    [
      'a time that is none',
      (root) => (root.tlogs[0]!.publicKey.validFor = { start: 'yesterday' }),
      /validFor\.start is not a time: yesterday/,
    ],
    [
      'a day that is none',
      (root) => (root.tlogs[0]!.publicKey.validFor = { start: '2020-01-01T00:00:00Z', end: '2026-13-01T00:00:00Z' }),
      /validFor\.end is not a time/,
    ],
    [
      'a timestamp authority whose first certificate is not for that',
      (root) => {
        const { verifier } = signKeyless();
        assert.ok('certificate' in verifier);
        root.timestampAuthorities[0]!.certChain.certificates[0] = { rawBytes: verifier.certificate.toString('base64') };
      },
      /^timestampAuthorities\[0\]\.certChain does not begin with a certificate for time stamping/,
    ],
    [
      'too many logs',
      (root) => (root.tlogs = Array.from({ length: 65 }, () => root.tlogs[0]!)),
      /tlogs has more than 64/,
    ],
  ];
  for (const [name, change, reason] of changes) {
    test(name, () => {
      const root = structuredClone(trustedRoot);
      change(root);
      assert.throws(() => parseTrustRoot(JSON.stringify(root)), { message: reason });
    });
  }

  test('no JSON, and too much of it', () => {
    assert.throws(() => parseTrustRoot('{'), /the trusted root is not JSON/);
    assert.throws(() => parseTrustRoot(' '.repeat(2_000_000)), /longer than/);
  });

  test('and any JSON gives a root or one Error', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        assert.throws(
          () => parseTrustRoot(json),
          (error) => error instanceof Error && !/[\n]|TypeError/.test(error.message),
        );
      }),
    );
  });
});

describe('the embedded root of the public instance', () => {
  const root = publicGoodTrustRoot();

  test('has a certificate authority, a certificate log, both kinds of Rekor and a timestamp authority', () => {
    assert.deepEqual(
      root.transparencyLogs.map(({ baseUrl }) => baseUrl),
      ['https://rekor.sigstore.dev', 'https://log2025-1.rekor.sigstore.dev'],
    );
    assert.equal(root.certificateAuthorities.length, 2);
    assert.equal(root.certificateLogs.length, 2);
    assert.equal(root.timestampAuthorities.length, 1);
  });

  test('names its logs by the hash of their keys, which nobody can choose', () => {
    for (const { baseUrl, key, logId } of [...root.transparencyLogs, ...root.certificateLogs]) {
      const spki = key.export({ format: 'der', type: 'spki' });
      const hash = createHash('sha256');
      // Ed25519 logs: c2sp.org/signed-note; the others: RFC 6962, 3.2.
      if (key.asymmetricKeyType === 'ed25519')
        hash.update(`${new URL(baseUrl).host}\n\u0001`).update(spki.subarray(-32));
      else hash.update(spki);
      assert.deepEqual(logId, hash.digest(), baseUrl);
    }
  });

  test('has chains that hold together', () => {
    for (const { certChain } of [...root.certificateAuthorities, ...root.timestampAuthorities]) {
      for (const [index, certificate] of certChain.entries()) {
        assert.equal(certificate.verify(certChain[index + 1] ?? certificate), true);
      }
    }
  });
});
