// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { X509Certificate } from '@sigstore/core';
import { requireChain } from '../../../../../core/sigstore/trust/chain.ts';
import type { CertificateAuthority } from '../../../../../core/sigstore/trust/trust-root.ts';
import { CODE_SIGNING, createAuthority, pathLength, TIME_STAMPING } from '../../../../fakes/sigstore/authorities.ts';
import type { AuthorityOptions, FakeAuthority } from '../../../../fakes/sigstore/authorities.ts';
import * as make from '../../../../fakes/sigstore/certificates.ts';
import { context, implicit, sequence, utf8String } from '../../../../fakes/sigstore/der.ts';

const TIME = new Date('2026-06-01T00:00:00Z');
const EARLIER = new Date('2026-05-01T00:00:00Z');
const ALWAYS = { start: new Date(0), end: new Date('2035-01-01T00:00:00Z') };

const parsed = (der: Buffer): X509Certificate => X509Certificate.parse(Buffer.from(der));

function chainOf(certificates: readonly Buffer[], validFor = ALWAYS): CertificateAuthority {
  return { certChain: certificates.map(parsed), validFor };
}

const wholeChain = ({ intermediate, root }: FakeAuthority) => chainOf([intermediate, root]);

function leafOf(authority: FakeAuthority, notAfter = ALWAYS.end): X509Certificate {
  const { publicKey } = make.generateKeys('P-256');
  return parsed(authority.issue({ publicKey, notAfter, extensions: [make.digitalSignature()] }));
}

const issuerOf = (leaf: X509Certificate, ...authorities: readonly CertificateAuthority[]) =>
  requireChain({ leaf, time: TIME, usage: CODE_SIGNING }, authorities);

const usual = createAuthority();
const unknown = make.extension('1.2.3.4', utf8String('x'), true);
const constraints = (critical: boolean) =>
  make.extension('2.5.29.30', sequence(context(0, sequence(implicit(1, Buffer.from('example.test'))))), critical);

describe('a certificate has a trusted chain', () => {
  const chains: readonly (readonly [string, readonly Buffer[]])[] = [
    ['from its issuer to a root', [usual.intermediate, usual.root]],
    ['where the anchor is the issuer itself, which no root need stand behind', [usual.intermediate]],
    ['in the other order', [usual.root, usual.intermediate]],
    ['with a certificate listed twice', [usual.intermediate, usual.intermediate, usual.root]],
  ];
  for (const [name, certificates] of chains) {
    test(name, () => {
      const issuer = issuerOf(leafOf(usual), chainOf(certificates));
      assert.ok(issuer.subject.equals(parsed(usual.intermediate).subject));
    });
  }

  const kinds: readonly (readonly [string, AuthorityOptions, AuthorityOptions])[] = [
    ['whose issuer is for code signing', {}, { more: [make.extendedKeyUsage(CODE_SIGNING)] }],
    ['whose issuer is for every use', {}, { more: [make.extendedKeyUsage('2.5.29.37.0')] }],
    ['whose root allows one authority below it', { basics: [pathLength(1), make.keyCertSign()] }, {}],
    ['whose issuer allows none', {}, { basics: [pathLength(0), make.keyCertSign()] }],
    ['whose issuer says nothing of its usage', {}, { basics: [make.certificateAuthority()] }],
  ];
  for (const [name, root, intermediate] of kinds) {
    test(name, () => {
      const authority = createAuthority(root, intermediate);
      assert.ok(issuerOf(leafOf(authority), wholeChain(authority)));
    });
  }

  test('by one of several authorities, also of the same name', () => {
    const retired = chainOf([usual.intermediate, usual.root], { start: new Date(0), end: EARLIER });
    assert.ok(issuerOf(leafOf(usual), wholeChain(createAuthority()), retired, wholeChain(usual)));
  });
});

describe('a certificate has no trusted chain', () => {
  const kinds: readonly (readonly [string, AuthorityOptions, AuthorityOptions, RegExp])[] = [
    ['whose issuer is for another use', {}, { more: [make.extendedKeyUsage(TIME_STAMPING)] }, /not for this use/],
    ['whose root is for another use', { more: [make.extendedKeyUsage(TIME_STAMPING)] }, {}, /not for this use/],
    [
      'whose issuer has an unknown critical extension',
      {},
      { more: [unknown] },
      /unknown critical extension: 1\.2\.3\.4/,
    ],
    ['whose root has an unknown critical extension', { more: [unknown] }, {}, /unknown critical extension: 1\.2\.3\.4/],
    [
      'whose issuer has critical name constraints',
      {},
      { more: [constraints(true)] },
      /critical extension: 2\.5\.29\.30/,
    ],
    ['whose issuer has name constraints', {}, { more: [constraints(false)] }, /name constraints/],
    ['whose issuer is no authority', {}, { basics: [make.keyCertSign()] }, /not that of an authority/],
    [
      'whose issuer may not sign certificates',
      {},
      { basics: [make.certificateAuthority(), make.digitalSignature()] },
      /not that of an authority/,
    ],
    [
      'whose root allows no authority below it',
      { basics: [pathLength(0), make.keyCertSign()] },
      {},
      /longer than allowed/,
    ],
    ['whose issuer had expired', {}, { until: EARLIER }, /expired/],
    ['whose root had expired', { until: EARLIER }, {}, /expired/],
  ];
  for (const [name, root, intermediate, reason] of kinds) {
    test(name, () => {
      const authority = createAuthority(root, intermediate);
      assert.throws(() => issuerOf(leafOf(authority), wholeChain(authority)), reason);
    });
  }

  test('where it had expired itself', () => {
    assert.throws(() => issuerOf(leafOf(usual, EARLIER), wholeChain(usual)), /expired/);
  });

  test('where the authority is another of the same name', () => {
    assert.throws(() => issuerOf(leafOf(usual), wholeChain(createAuthority())), /no certificate path/);
  });

  test('where only the root is known: what lies between comes from the trust root too', () => {
    assert.throws(() => issuerOf(leafOf(usual), chainOf([usual.root])), /no certificate path/);
  });

  test('where the authority was not trusted then, or there is none', () => {
    const window = { start: new Date(0), end: EARLIER };
    assert.throws(() => issuerOf(leafOf(usual), chainOf([usual.intermediate, usual.root], window)), /no authority/);
    assert.throws(() => issuerOf(leafOf(usual)), /no authority/);
  });

  test('where it names another issuer than the one whose key signed it', () => {
    const { publicKey } = make.generateKeys('P-256');
    const leaf = parsed(usual.issue({ publicKey, issuer: 'somebody', extensions: [make.digitalSignature()] }));
    assert.throws(() => issuerOf(leaf, wholeChain(usual)), /no certificate path/);
  });

  test('as its own authority', () => {
    const leaf = leafOf(usual);
    assert.throws(() => issuerOf(leaf, { certChain: [leaf], validFor: ALWAYS }), /no certificate path/);
  });
});
