// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ImagePolicySpec, PolicyCertificate } from '../../../../core/policy/documents/image-policy.gen.ts';
import { createAuthority } from '../../../fakes/sigstore/authorities.ts';
import { compileContext, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';
import { certificatePem, putOwnImage, RELEASE } from '../../../fakes/sigstore/own-pki.ts';
import { RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { createSigstore } from '../../../fakes/sigstore/sigstore.ts';

const REPOSITORY = 'demo/own';
const sigstore = createSigstore();
const authority = createAuthority();
const other = createAuthority();
const caPem = certificatePem(authority.root);
const exact: PolicyCertificate = { name: 'release', caPem, subject: RELEASE };
const { subject: _subject, ...anybody } = exact;
const { caPem: _caPem, ...anywhere } = exact;
const inSecret = (key: string) => ({ certificates: [{ ...anywhere, secretRef: { name: 'ca', key } }] });
/** The engine's clock is at the beginning of June. */
const MAY = { notBefore: new Date('2026-05-01T00:00:00Z'), notAfter: new Date('2026-05-31T00:00:00Z') };
const IN_MAY = new Date('2026-05-10T00:00:00Z');

const CASES: readonly (readonly [field: string, from: PolicyCertificate, to: PolicyCertificate, why: RegExp])[] = [
  ['caPem', exact, { ...exact, caPem: certificatePem(other.root) }, /no certificate path leads to the authority/],
  ['subject', exact, { ...exact, subject: `x${RELEASE}` }, /the certificate is that of release@acme\.example/],
  [
    'subjectPattern',
    { ...anybody, subjectPattern: '.*@acme\\.example' },
    // A part of the name: patterns are anchored at both ends.
    { ...anybody, subjectPattern: '.*@acme' },
    /the certificate is that of release@acme\.example/,
  ],
];

describe('every field of a certificate counts', () => {
  let engine: TestEngine;
  const context = compileContext({
    secret: (_name, key) => (key === 'ca.crt' ? { pem: caPem } : undefined),
    trustRoots: new Set(['public-good', 'private']),
  });
  const decide = async (tag: string, spec: Partial<ImagePolicySpec>) => {
    engine.store.replace([compiled('own', { images: ['**'], ...spec }, context)]);
    return engine.decide(tag.includes('/') ? tag : `${REPOSITORY}:${tag}`);
  };
  before(async () => {
    const content = new RegistryContent();
    const put = (tag: string, options: object) =>
      putOwnImage(content, `${REPOSITORY}:${tag}`, { authority, sigstore, ...options });
    put('signed', {});
    put('without-chain', { chain: [] });
    put('logged', { loggedAt: IN_MAY });
    put('expired', { leaf: MAY });
    put('expired-stamped', { leaf: MAY, stampedAt: IN_MAY });
    put('expired-logged', { leaf: MAY, loggedAt: IN_MAY });
    put('expired-stamped-late', { leaf: MAY, stampedAt: new Date('2026-06-02T00:00:00Z') });
    put('future', { leaf: { notBefore: new Date('2026-06-02T00:00:00Z') } });
    engine = await startEngine({
      registry: { content, referrersApi: true },
      trustRoots: { private: JSON.stringify(sigstore.trustedRoot) },
    });
  });
  after(() => engine.close());

  for (const [field, from, to, why] of CASES) {
    test(`${field} alone turns Verified into UntrustedSignature`, async () => {
      const verified = await decide('signed', { certificates: [from] });
      assert.equal(verified.code, 'Verified', verified.message);
      assert.deepEqual(
        verified.signers.map(({ name, format }) => [name, format]),
        [['release', 'bundle']],
      );
      const refused = await decide('signed', { certificates: [to] });
      assert.equal(refused.code, 'UntrustedSignature');
      assert.match(refused.message, why);
    });
  }

  test('secretRef alone turns Verified into PolicyNotReady', async () => {
    assert.equal((await decide('signed', inSecret('ca.crt'))).code, 'Verified');
    assert.equal((await decide('signed', inSecret('absent'))).code, 'PolicyNotReady');
  });

  test('name alone decides whom `required` means', async () => {
    const certificates = [exact, { ...exact, name: 'nobody', subject: 'nobody@acme.example' }];
    assert.equal((await decide('signed', { certificates, required: ['release'] })).code, 'Verified');
    assert.equal((await decide('signed', { certificates, required: ['nobody'] })).code, 'ThresholdNotMet');
  });

  test('transparencyLog alone asks for an entry, whatever the clock says', async () => {
    const required = { certificates: [exact], transparencyLog: 'Require' } as const;
    assert.equal((await decide('logged', required)).code, 'Verified');
    assert.equal((await decide('signed', required)).code, 'TransparencyLogMissing');
  });

  test('no chain need come along where the policy has what lies between', async () => {
    const between = caPem + certificatePem(authority.intermediate);
    assert.equal((await decide('without-chain', { certificates: [exact] })).code, 'UntrustedSignature');
    assert.equal((await decide('without-chain', { certificates: [{ ...exact, caPem: between }] })).code, 'Verified');
  });

  for (const [tag, code] of [
    ['expired', 'UntrustedSignature'],
    ['expired-stamped', 'Verified'],
    ['expired-logged', 'Verified'],
    ['expired-stamped-late', 'UntrustedSignature'],
    ['future', 'UntrustedSignature'],
  ] as const) {
    test(`a certificate of another time than now: ${tag} is ${code}`, async () => {
      const verdict = await decide(tag, { certificates: [exact] });
      assert.equal(verdict.code, code, verdict.message);
      if (code !== 'Verified')
        assert.match(verdict.message, /valid from .* only, and nothing proves that it signed then/);
    });
  }

  test('the same certificate counts until it ends, without another request', async () => {
    const { now } = engine.time;
    engine.time.now = Date.parse('2026-05-30T00:00:00Z');
    assert.equal((await decide('expired', { certificates: [exact] })).code, 'Verified');
    engine.registry.forget();
    engine.time.now = Date.parse('2026-05-31T00:00:01Z');
    assert.equal((await decide('expired', { certificates: [exact] })).code, 'UntrustedSignature');
    assert.deepEqual(
      engine.registry.lines().filter((line) => line.includes('/blobs/')),
      [],
    );
    engine.time.now = now;
  });

  test('one certificate is one signer, however many entries it matches, and another kind beside keys', async () => {
    const certificates = [exact, { ...anybody, name: 'again', subjectPattern: '.*' }];
    assert.equal((await decide('signed', { certificates, threshold: 2 })).code, 'ThresholdNotMet');
    const keys = [{ name: 'key', pem: publicKeyPem('release') }];
    assert.equal((await decide('signed', { certificates: [exact], keys, threshold: 2 })).code, 'ThresholdNotMet');
    assert.equal((await decide('signed', { certificates: [exact], keys })).code, 'Verified');
  });

  test('costs as many requests as a key', async () => {
    const fresh = await startEngine({ registry: { content: engine.registry.content, referrersApi: true } });
    fresh.store.replace([compiled('own', { images: ['**'], certificates: [exact] }, context)]);
    const { code, registryRequests } = await fresh.decide(`${REPOSITORY}:signed`);
    // The tag, `.sig` in vain, the list of referrers, the manifest, the bundle.
    assert.deepEqual([code, registryRequests], ['Verified', 5]);
    await fresh.close();
  });
});
