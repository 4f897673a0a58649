// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { proveCertificate } from '../../../../../core/sigstore/identity.ts';
import { parseTrustRoot } from '../../../../../core/sigstore/trust/trust-root.ts';
import * as make from '../../../../fakes/sigstore/certificates.ts';
import { sequence, utf8String } from '../../../../fakes/sigstore/der.ts';
import {
  candidateFor,
  ISSUER,
  LATER,
  signKeyless,
  SIGNED_AT,
  SUBJECT,
  VALID_UNTIL,
} from '../../../../fakes/sigstore/keyless.ts';
import type { Signing, SigningOptions } from '../../../../fakes/sigstore/keyless.ts';
import { issuerV1, issuerV2 } from '../../../../fakes/sigstore/sigstore.ts';
import { prove, refused, sigstore, elsewhere } from './proving.ts';

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
