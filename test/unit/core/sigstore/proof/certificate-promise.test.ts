// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { X509Certificate } from '@sigstore/core';
import { requirePromise } from '../../../../../core/sigstore/proof/certificate-promise.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import { emailName, generateKeys, sha256, spkiOf } from '../../../../fakes/sigstore/certificates.ts';
import type { KeyPair } from '../../../../fakes/sigstore/certificates.ts';
import { ISSUER, SUBJECT, VALID_FROM, VALID_UNTIL } from '../../../../fakes/sigstore/keyless.ts';
import { certificatePromise } from '../../../../fakes/sigstore/promises.ts';
import type { PromiseRequest } from '../../../../fakes/sigstore/promises.ts';
import { createSigstore, trustedLog } from '../../../../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();
const { certificateLog: known } = sigstore;
const stranger = generateKeys('P-256');

function certificateWith(promises: (request: PromiseRequest) => readonly Buffer[]): X509Certificate {
  const { publicKey } = generateKeys('P-256');
  const times = { notBefore: VALID_FROM, notAfter: VALID_UNTIL };
  const der = sigstore.fulcio.issue({ publicKey, subject: emailName(SUBJECT), issuer: ISSUER, ...times, promises });
  return X509Certificate.parse(Buffer.from(der));
}

const logOf = (keys: KeyPair) => trustedLog('https://ct.test', keys.publicKey, sha256(spkiOf(keys.publicKey)));

function verify(certificate: X509Certificate, logs = [logOf(known)]): void {
  const root = parseTrustRoot(JSON.stringify({ ...sigstore.trustedRoot, ctlogs: logs }));
  const issuer = root.certificateAuthorities[0]?.certChain[0];
  assert.ok(issuer);
  requirePromise(certificate, issuer, root.certificateLogs);
}

describe('a certificate is promised', () => {
  test('by a trusted log', () => verify(certificateWith((asked) => [certificatePromise(known, asked)])));

  test('by a trusted log beside others, in any order', () => {
    verify(certificateWith((asked) => [certificatePromise(stranger, asked), certificatePromise(known, asked)]));
    verify(certificateWith((asked) => [certificatePromise(known, asked), certificatePromise(stranger, asked)]));
  });

  test('by two trusted logs', () => {
    const both = certificateWith((asked) => [certificatePromise(known, asked), certificatePromise(stranger, asked)]);
    verify(both, [logOf(stranger), logOf(known)]);
  });

  test('by a log with an RSA key', () => {
    const rsa = generateKeys('RSA');
    const log = logOf(rsa);
    log.publicKey.keyDetails = 'PKIX_RSA_PKCS1V15_2048_SHA256';
    verify(
      certificateWith((asked) => [certificatePromise(rsa, asked, [4, 1])]),
      [log],
    );
  });
});

describe('a certificate is not promised', () => {
  const cases: readonly (readonly [string, (asked: PromiseRequest) => readonly Buffer[]])[] = [
    ['by nobody', () => []],
    ['by a log that is not trusted', (asked) => [certificatePromise(stranger, asked)]],
    [
      'by a promise for another certificate',
      (asked) => [certificatePromise(known, { ...asked, certificate: Buffer.from('another') })],
    ],
    [
      'by a promise for another issuer',
      (asked) => [certificatePromise(known, { ...asked, issuer: stranger.publicKey })],
    ],
    [
      'by a promise from before the log was trusted',
      (asked) => [certificatePromise(known, { ...asked, time: new Date('2025-12-31T23:59:59Z') })],
    ],
    ['by a promise that says it is by an RSA key', (asked) => [certificatePromise(known, asked, [4, 1])]],
    [
      'by a promise over SHA-384, which is not the hash of the log',
      (asked) => [certificatePromise(known, asked, [5, 3])],
    ],
  ];
  test('by a log that the trust root knows under another id', () => {
    const promised = certificateWith((asked) => [certificatePromise(known, asked)]);
    const renamed = { ...logOf(known), logId: logOf(stranger).logId };
    assert.throws(() => verify(promised, [renamed]), /none of the SCTs/);
  });

  for (const [name, promises] of cases) {
    test(name, () => assert.throws(() => verify(certificateWith(promises)), /none of the SCTs/));
  }
});
