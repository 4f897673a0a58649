// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAuthority } from '../../../../../core/sigstore/own-pki/authority.ts';
import { proveOwnCertificate } from '../../../../../core/sigstore/own-pki/prove.ts';
import type { SignatureCandidate } from '../../../../../core/signatures/types.ts';
import { createAuthority, pathLength } from '../../../../fakes/sigstore/authorities.ts';
import * as make from '../../../../fakes/sigstore/certificates.ts';
import { implicit, sequence, utf8String } from '../../../../fakes/sigstore/der.ts';
import { candidateFor, flipped } from '../../../../fakes/sigstore/keyless.ts';
import { certificatePem, chainBundle, CODE_SIGNING, RELEASE, signOwn } from '../../../../fakes/sigstore/own-pki.ts';
import type { OwnSigned, OwnSigning } from '../../../../fakes/sigstore/own-pki.ts';
import { createSigstore } from '../../../../fakes/sigstore/sigstore.ts';

const sigstore = createSigstore();
const authority = createAuthority();
const ROOT = parseAuthority(certificatePem(authority.root));

function candidateOf(signed: OwnSigned): SignatureCandidate {
  return { ...candidateFor(signed.signing, 'bundle'), material: { kind: 'bundle', bundle: chainBundle(signed) } };
}

const sign = (options: Partial<OwnSigning> = {}) => signOwn({ authority, sigstore, ...options });
const namesOf = (options: Partial<OwnSigning>) => proveOwnCertificate(candidateOf(sign(options)), ROOT).names;

function refused(signed: OwnSigned, reason: RegExp, trusted = ROOT): void {
  assert.throws(() => proveOwnCertificate(candidateOf(signed), trusted), reason);
}

describe("a certificate of one's own authority proves", () => {
  for (const kind of ['P-256', 'P-384', 'P-521', 'RSA', 'Ed25519'] as const) {
    test(`who signed, with a key of ${kind}`, () => {
      const signed = sign({ kind });
      const { names, fingerprint, validFrom, validUntil } = proveOwnCertificate(candidateOf(signed), ROOT);
      const key = make.sha256(make.spkiOf(signed.signing.keys.publicKey)).toString('hex');
      assert.deepEqual([names, fingerprint], [[RELEASE], `sha256:${key}`]);
      assert.deepEqual([validFrom, validUntil], [Date.UTC(2026, 0, 1), Date.UTC(2036, 0, 1)]);
    });
  }

  test('in the annotations of a layer, with its chain', () => {
    const { signing, chain } = sign();
    const annotated = candidateFor(signing, 'annotations');
    const pem = { chain: chain.map(certificatePem).join(''), certificate: certificatePem(certificateOf(signing)) };
    const material = { ...annotated.material, kind: 'annotations' as const, ...pem };
    assert.deepEqual(proveOwnCertificate({ ...annotated, material }, ROOT).names, [RELEASE]);
    assert.throws(
      () => proveOwnCertificate({ ...annotated, material: { ...material, chain: '' } }, ROOT),
      /no certificate path leads to the authority/,
    );
  });

  test('whichever certificates come along, in any order, and strange ones beside them', () => {
    const strange = createAuthority();
    const chain = [strange.root, authority.root, strange.intermediate, authority.intermediate];
    assert.deepEqual(namesOf({ chain }), [RELEASE]);
  });

  test('under an authority in the middle, which is trusted by itself', () => {
    const middle = parseAuthority(certificatePem(authority.intermediate));
    assert.deepEqual(proveOwnCertificate(candidateOf(sign({ chain: [] })), middle).names, [RELEASE]);
  });

  test('until the first of its path ends', () => {
    const until = new Date('2027-01-01T00:00:00Z');
    const short = createAuthority({}, { until });
    const { validUntil } = proveOwnCertificate(
      candidateOf(signOwn({ authority: short, sigstore })),
      parseAuthority(certificatePem(short.root)),
    );
    assert.equal(validUntil, until.getTime());
  });

  const uri = 'https://ci.acme.example/release';
  test('its alternative names, of which each is its holder', () => {
    const names = [make.emailName(RELEASE), make.dnsName('build.acme.example'), make.uriName(uri)];
    assert.deepEqual(namesOf({ names }), [RELEASE, 'build.acme.example', uri]);
    // An IP address names nobody.
    assert.deepEqual(namesOf({ names: [implicit(7, Buffer.from([127, 0, 0, 1])), ...names] }), [
      RELEASE,
      'build.acme.example',
      uri,
    ]);
  });

  test('its common name, only where it has no alternative name', () => {
    const leaf = { subject: 'Release Team' };
    assert.deepEqual(namesOf({ names: [], leaf }), ['Release Team']);
    assert.deepEqual(namesOf({ leaf }), [RELEASE]);
    refused(sign({ names: [implicit(7, Buffer.from([127, 0, 0, 1]))], leaf }), /names nobody by e-mail address/);
  });
});

describe("a certificate of one's own authority is refused", () => {
  const leaves: readonly (readonly [string, Partial<OwnSigning>, RegExp])[] = [
    ['without a use', { usages: [make.digitalSignature()] }, /not for code signing/],
    ['for another use', { usages: [make.extendedKeyUsage('1.3.6.1.5.5.7.3.1')] }, /not for code signing/],
    ['for any use', { usages: [make.extendedKeyUsage('2.5.29.37.0')] }, /not for code signing/],
    [
      'that is not for signatures',
      { usages: [make.keyCertSign(), make.extendedKeyUsage(CODE_SIGNING)] },
      /not for signatures/,
    ],
    [
      'of an authority',
      { usages: [make.certificateAuthority(), make.extendedKeyUsage(CODE_SIGNING)] },
      /is a certificate authority/,
    ],
    [
      'with a critical extension that nobody understands',
      { usages: [make.extendedKeyUsage(CODE_SIGNING), make.extension('1.2.3.4', utf8String('x'), true)] },
      /unknown critical extension/,
    ],
    [
      'with an extension twice',
      { usages: [make.extendedKeyUsage(CODE_SIGNING), make.extendedKeyUsage(CODE_SIGNING)] },
      /twice/,
    ],
    ['that names nobody', { names: [] }, /names nobody/],
    ['with a look-alike name', { names: [make.emailName('d\u00e5v@example.test')] }, /not ASCII/],
    ['with too many names', { names: Array.from({ length: 17 }, () => make.emailName(RELEASE)) }, /more than 16/],
    ['without the one that lies between', { chain: [] }, /no certificate path/],
    ['with the chain of another', { chain: [createAuthority().intermediate] }, /no certificate path/],
  ];
  for (const [name, options, reason] of leaves) test(name, () => refused(sign(options), reason));

  test('of another authority of the same name', () => {
    refused(sign(), /no certificate path/, parseAuthority(certificatePem(createAuthority().root)));
  });

  test('over other bytes', () => {
    const signed = sign();
    signed.signing.signature = flipped(signed.signing.signature);
    refused(signed, /not by its certificate's key/);
  });

  test('whose own signature is not right', () => {
    const signed = sign();
    signed.signing.verifier = { certificate: flipped(certificateOf(signed.signing)) };
    refused(signed, /no certificate path|malformed/);
  });

  const middle: readonly (readonly [string, Parameters<typeof createAuthority>, RegExp])[] = [
    ['is no authority', [{}, { basics: [] }], /not that of an authority/],
    [
      'may not sign certificates',
      [{}, { basics: [make.certificateAuthority(), make.digitalSignature()] }],
      /authority/,
    ],
    ['is for another use', [{}, { more: [make.extendedKeyUsage('1.3.6.1.5.5.7.3.1')] }], /not for this use/],
    ['has name constraints', [{}, { more: [make.extension('2.5.29.30', sequence())] }], /name constraints/],
    ['stands under too many', [{ basics: [pathLength(0), make.keyCertSign()] }, {}], /longer than allowed/],
  ];
  for (const [what, [root, intermediate], reason] of middle) {
    test(`where a certificate above it ${what}`, () => {
      const faulty = createAuthority(root, intermediate);
      refused(signOwn({ authority: faulty, sigstore }), reason, parseAuthority(certificatePem(faulty.root)));
    });
  }

  /** Each issues each, and the leaf: they have one name and one key. */
  const ring = Array.from({ length: 6 }, () =>
    authority.issue({
      subject: 'test intermediate',
      publicKey: authority.keys.publicKey,
      extensions: [make.certificateAuthority(), make.keyCertSign()],
    }),
  );

  test('where those above it only lead back to each other; each is looked at once', () => {
    refused(sign({ chain: ring }), /no certificate path/);
    assert.deepEqual(namesOf({ chain: [...ring, authority.intermediate] }), [RELEASE]);
  });

  test('with so many certificates of one name that telling them apart is work', () => {
    const namesakes = Array.from({ length: 16 }, () => certificatePem(createAuthority().intermediate)).join('');
    refused(sign({ chain: ring }), /too many certificates of one name/, parseAuthority(namesakes));
    refused(sign({ chain: [...ring, ...ring] }), /x509CertificateChain|more than 8/);
  });

  test('whose signature is by an algorithm that is not known, or says two of them', () => {
    const signed = sign();
    const certificate = Buffer.from(certificateOf(signed.signing));
    const ecdsaWithSha256 = Buffer.from('2a8648ce3d040302', 'hex');
    certificate[certificate.lastIndexOf(ecdsaWithSha256) + 7] = 9;
    signed.signing.verifier = { certificate };
    refused(signed, /no certificate path/);
  });

  test('under a key that is too weak', () => {
    const weak = make.generateKeys('RSA-1024');
    const basics = [make.certificateAuthority(), make.keyCertSign()];
    const between = authority.issue({ subject: 'weak', publicKey: weak.publicKey, extensions: basics });
    const signed = sign({
      leaf: { issuer: 'weak', signedBy: weak.privateKey },
      chain: [between, authority.intermediate],
    });
    refused(signed, /RSA key of 1024 bits/);
  });
});

function certificateOf({ verifier }: OwnSigned['signing']): Buffer {
  assert.ok('certificate' in verifier);
  return verifier.certificate;
}

describe('an authority that a policy names', () => {
  const root = certificatePem(authority.root);
  test('may be several, with text around them', () => {
    const { certificates } = parseAuthority(
      `subject=A\n${root}\nsubject=B\r\n${certificatePem(authority.intermediate)}`,
    );
    assert.deepEqual(
      certificates.map((der) => Buffer.from(der).toString('hex')),
      [authority.root, authority.intermediate].map((der) => der.toString('hex')),
    );
  });

  const leaf = sign();
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['nothing', '', /no PEM block found/],
    ['a public key', make.toPem('PUBLIC KEY', make.spkiOf(authority.keys.publicKey)), /PUBLIC KEY is not supported/],
    [
      'a private key',
      `${root}-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n`,
      /there is a private key in it/,
    ],
    ['one that is cut off', root.slice(0, 200), /no PEM block found/],
    ['a second one that is cut off', root + root.slice(0, 200), /a PEM block in it does not end/],
    ['one that is no certificate', certificatePem(Buffer.from([0x30, 0])), /certificate 1 can't be used/],
    [
      'bytes after it',
      certificatePem(Buffer.concat([authority.root, Buffer.from([0])])),
      /certificate 1 can't be used/,
    ],
    [
      'a certificate that is no authority',
      certificatePem(certificateOf(leaf.signing)),
      /not that of a certificate authority/,
    ],
    ['too many', root.repeat(17), /more than 16/],
    ['too long a text', ' '.repeat(70_000), /longer than/],
  ];
  for (const [what, pem, reason] of cases) {
    test(`is not ${what}`, () => {
      assert.throws(() => parseAuthority(pem), reason);
    });
  }
});
