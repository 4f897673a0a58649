// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type {
  ImagePolicySpec,
  PolicyClaim,
  PolicyIdentity,
} from '../../../../core/policy/documents/image-policy.gen.ts';
import { compileContext, compiled, startEngine } from '../../../fakes/engine.ts';
import type { TestEngine } from '../../../fakes/engine.ts';
import { putKeylessImage } from '../../../fakes/sigstore/keyless-image.ts';
import { ISSUER, SUBJECT } from '../../../fakes/sigstore/keyless.ts';
import { RegistryContent } from '../../../fakes/registry/registry-content.ts';
import { createSigstore, fulcioExtensions, issuerV2 } from '../../../fakes/sigstore/sigstore.ts';

const REPOSITORY = 'demo/keyless';
const SOURCE = 'https://github.com/acme/app';

const sigstore = createSigstore();
const OTHER = createSigstore();
const exact: PolicyIdentity = { name: 'ci', issuer: ISSUER, subject: SUBJECT, trustRoot: 'private' };

interface IdentityCase {
  readonly field: string;
  readonly from: PolicyIdentity;
  readonly to: PolicyIdentity;
}

const { issuer: _issuer, ...anyIssuer } = exact;
const { subject: _subject, ...anySubject } = exact;

const CASES: readonly IdentityCase[] = [
  { field: 'issuer', from: exact, to: { ...exact, issuer: `${ISSUER}/other` } },
  { field: 'subject', from: exact, to: { ...exact, subject: `x${SUBJECT}` } },
  {
    field: 'issuerPattern',
    from: { ...anyIssuer, issuerPattern: 'https://accounts\\..*' },
    // A part of the issuer: patterns are anchored at both ends.
    to: { ...anyIssuer, issuerPattern: 'accounts\\..*' },
  },
  {
    field: 'subjectPattern',
    from: { ...anySubject, subjectPattern: '.*@example\\.test' },
    to: { ...anySubject, subjectPattern: '.*@example' },
  },
  { field: 'trustRoot', from: exact, to: { ...exact, trustRoot: 'other' } },
];

describe('every field of an identity counts', () => {
  let engine: TestEngine;
  const context = compileContext({
    trustRoots: new Set(['public-good', 'private', 'other', 'promised', 'unpromised']),
  });
  const decide = async (tag: string, spec: Partial<ImagePolicySpec>) => {
    engine.store.replace([compiled('keyless', { images: ['**'], ...spec }, context)]);
    return engine.decide(`${REPOSITORY}:${tag}`);
  };
  before(async () => {
    const content = new RegistryContent();
    putKeylessImage(content, `${REPOSITORY}:logged`, sigstore);
    putKeylessImage(content, `${REPOSITORY}:stamped`, sigstore, { evidence: 'timestamp' });
    const withoutPromise = { leaf: { withoutPromise: true } };
    putKeylessImage(content, `${REPOSITORY}:unpromised`, sigstore, { evidence: 'timestamp', ...withoutPromise });
    const extensions = [issuerV2(ISSUER), ...fulcioExtensions({ 5: 'acme/app', 12: SOURCE, 14: 'refs/heads/main' })];
    putKeylessImage(content, `${REPOSITORY}:built`, sigstore, { leaf: { extensions } });
    engine = await startEngine({
      registry: { content, referrersApi: true },
      configuredRoots: [
        { name: 'unpromised', inline: JSON.stringify(sigstore.trustedRoot), certificateLog: 'Ignore' },
        { name: 'promised', inline: JSON.stringify(sigstore.trustedRoot), certificateLog: 'Require' },
      ],
      trustRoots: { private: JSON.stringify(sigstore.trustedRoot), other: JSON.stringify(OTHER.trustedRoot) },
    });
  });
  after(() => engine.close());

  for (const { field, from, to } of CASES) {
    test(`${field} alone turns Verified into UntrustedSignature`, async () => {
      const verified = await decide('logged', { identities: [from] });
      assert.deepEqual([verified.code, verified.signers[0]?.name], ['Verified', 'ci'], verified.message);
      const refused = await decide('logged', { identities: [to] });
      assert.equal(refused.code, 'UntrustedSignature');
      // Whoever reads it learns who signed, or why that could not be proven.
      assert.match(
        refused.message,
        field === 'trustRoot' ? /\(ci: .+\)/ : /certificate is for dev@example\.test, vouched for by https:/,
      );
    });
  }

  const claims: readonly (readonly [string, PolicyClaim, PolicyClaim, RegExp])[] = [
    [
      'claims[].value',
      { name: 'sourceRepositoryURI', value: SOURCE },
      { name: 'sourceRepositoryURI', value: `${SOURCE}s` },
      /the certificate's sourceRepositoryURI is https:\/\/github\.com\/acme\/app\)/,
    ],
    [
      'claims[].valuePattern',
      { name: 'sourceRepositoryRef', valuePattern: 'refs/heads/(main|release-.*)' },
      // A part of the branch: patterns are anchored at both ends.
      { name: 'sourceRepositoryRef', valuePattern: 'heads/main' },
      /the certificate's sourceRepositoryRef is refs\/heads\/main\)/,
    ],
    [
      'claims[].name',
      { name: 'githubWorkflowRepository', value: 'acme/app' },
      { name: 'buildSignerURI', value: 'acme/app' },
      /the certificate has no buildSignerURI\)/,
    ],
    [
      'claims[].name (issuer)',
      { name: 'issuer', value: ISSUER },
      { name: 'sourceRepositoryOwnerURI', value: ISSUER },
      /the certificate has no sourceRepositoryOwnerURI\)/,
    ],
  ];
  for (const [field, from, to, reason] of claims) {
    test(`${field} alone turns Verified into UntrustedSignature`, async () => {
      assert.equal((await decide('built', { identities: [{ ...exact, claims: [from] }] })).code, 'Verified');
      const refused = await decide('built', { identities: [{ ...exact, claims: [to] }] });
      assert.equal(refused.code, 'UntrustedSignature');
      assert.match(refused.message, reason);
    });
  }

  test('all claims must hold', async () => {
    const [held, other] = [
      { name: 'sourceRepositoryURI', value: SOURCE },
      { name: 'sourceRepositoryRef', value: 'refs/heads/other' },
    ] as const;
    for (const both of [
      [held, other],
      [other, held],
    ]) {
      assert.equal((await decide('built', { identities: [{ ...exact, claims: both }] })).code, 'UntrustedSignature');
    }
  });

  test('the verdict tells what the certificate says, asked for or not', async () => {
    const { signers } = await decide('built', { identities: [exact] });
    assert.deepEqual(signers[0]?.claims, {
      githubWorkflowRepository: 'acme/app',
      issuer: ISSUER,
      sourceRepositoryURI: SOURCE,
      sourceRepositoryRef: 'refs/heads/main',
    });
  });

  test('name alone decides whom `required` means', async () => {
    const required = ['ci'];
    assert.equal((await decide('logged', { identities: [exact], required })).code, 'Verified');
    const others = [
      { ...exact, name: 'someone' },
      { ...exact, name: 'ci', subject: 'nobody' },
    ];
    assert.equal((await decide('logged', { identities: others, required })).code, 'ThresholdNotMet');
  });

  test('transparencyLog alone refuses a time that only an authority vouches for', async () => {
    assert.equal((await decide('stamped', { identities: [exact] })).code, 'Verified');
    assert.equal((await decide('logged', { identities: [exact], transparencyLog: 'Require' })).code, 'Verified');
    const refused = await decide('stamped', { identities: [exact], transparencyLog: 'Require' });
    assert.equal(refused.outcome, 'denied');
  });

  test('certificateLog of its trust root alone decides whether a certificate needs a promise', async () => {
    for (const [trustRoot, code] of [
      ['unpromised', 'Verified'],
      ['private', 'UntrustedSignature'],
      ['promised', 'UntrustedSignature'],
    ] as const) {
      const verdict = await decide('unpromised', { identities: [{ ...exact, trustRoot }] });
      assert.equal(verdict.code, code, verdict.message);
    }
    // What such an instance has of a certificate log proves nothing, and takes nothing away.
    assert.equal((await decide('stamped', { identities: [{ ...exact, trustRoot: 'unpromised' }] })).code, 'Verified');
  });

  test('one certificate is one signer, however many identities it matches', async () => {
    const identities = [exact, { ...exact, name: 'again' }];
    assert.equal((await decide('logged', { identities, threshold: 2 })).code, 'ThresholdNotMet');
  });
});
