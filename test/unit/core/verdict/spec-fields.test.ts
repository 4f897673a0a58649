// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { CompileContext } from '../../../../core/policy/compile/compile-context.ts';
import type { ImagePolicySpec } from '../../../../core/policy/documents/image-policy.gen.ts';
import { compileContext, compiled, publicKeyPem, startEngine } from '../../../fakes/engine.ts';
import type { DecideOptions, TestEngine } from '../../../fakes/engine.ts';

const release = { name: 'release', pem: publicKeyPem('release') };
const other = { name: 'other', pem: publicKeyPem('other') };
const PREDICATE = 'https://example.com/tests/v1';

interface FieldCase {
  readonly field: string;
  readonly image: string;
  /** The verdict under the first differs from the verdict under the second, which changes one field. */
  readonly from: Partial<ImagePolicySpec>;
  readonly to: Partial<ImagePolicySpec>;
  readonly before: string;
  readonly after: string;
  readonly options?: DecideOptions;
  readonly context?: Partial<CompileContext>;
}

/** What is known of keys of a Vault. */
const inVault: CompileContext['kms'] = ({ resource }) => {
  if (resource === 'rotated') return { pems: [other.pem, release.pem] };
  return resource === 'sealed' ? { unavailable: 'Vault is sealed' } : { pems: [publicKeyPem(resource)] };
};

const attested = (demand: object): Partial<ImagePolicySpec> => ({
  attestations: [{ name: 'tests', predicateType: PREDICATE, ...demand }],
});

const signedFor = (repository: string): Partial<ImagePolicySpec> => ({
  signedIdentity: { matchPolicy: 'ExactRepository', exactRepository: { repository } },
});

const CASES: readonly FieldCase[] = [
  {
    field: 'images',
    image: 'demo/signed:1.0',
    from: {},
    to: { images: ['docker.io/**'] },
    before: 'Verified',
    after: 'NoPolicy',
  },
  {
    field: 'namespaceSelector',
    image: 'demo/signed:1.0',
    from: { namespaceSelector: { matchLabels: { team: 'a' } } },
    to: { namespaceSelector: { matchLabels: { team: 'b' } } },
    before: 'Verified',
    after: 'NoPolicy',
    options: { labels: { team: 'a' } },
  },
  {
    field: 'action',
    image: 'demo/unsigned:1.0',
    from: {},
    to: { action: 'Allow' },
    before: 'NoSignature',
    after: 'AllowedByPolicy',
  },
  {
    field: 'action',
    image: 'demo/signed:1.0',
    from: {},
    to: { action: 'Deny' },
    before: 'Verified',
    after: 'DeniedByPolicy',
  },
  {
    field: 'expiresAt',
    image: 'demo/unsigned:1.0',
    from: { action: 'Allow', expiresAt: '2026-06-01T00:00:01Z' },
    to: { action: 'Allow', expiresAt: '2026-06-01T00:00:00Z' },
    before: 'AllowedByPolicy',
    after: 'PolicyExpired',
  },
  {
    field: 'expiresAt (of a demand)',
    image: 'demo/signed:1.0',
    from: {},
    to: { expiresAt: '2026-07-01T00:00:00Z' },
    before: 'Verified',
    after: 'PolicyNotReady',
  },
  {
    field: 'reason (of a demand)',
    image: 'demo/signed:1.0',
    from: {},
    to: { reason: 'none' },
    before: 'Verified',
    after: 'PolicyNotReady',
  },
  {
    field: 'keys[].pem',
    image: 'demo/signed:1.0',
    from: {},
    to: { keys: [{ ...release, pem: other.pem }] },
    before: 'Verified',
    after: 'UntrustedSignature',
  },
  {
    field: 'keys[].secretRef',
    image: 'demo/signed:1.0',
    from: { keys: [{ name: 'release', secretRef: { name: 'keys', key: 'release' } }] },
    to: { keys: [{ name: 'release', secretRef: { name: 'keys', key: 'absent' } }] },
    before: 'Verified',
    after: 'PolicyNotReady',
    context: { secret: (_name, key) => (key === 'release' ? { pem: release.pem } : undefined) },
  },
  {
    field: 'keys[].kms',
    image: 'demo/signed:1.0',
    from: { keys: [{ name: 'release', kms: 'hashivault://release' }] },
    to: { keys: [{ name: 'release', kms: 'hashivault://other' }] },
    before: 'Verified',
    after: 'UntrustedSignature',
    context: { kms: inVault },
  },
  {
    field: 'keys[].kms (that can not be read)',
    image: 'demo/signed:1.0',
    from: { keys: [{ name: 'release', kms: 'hashivault://release' }] },
    to: { keys: [{ name: 'release', kms: 'hashivault://sealed' }] },
    before: 'Verified',
    after: 'KeyUnavailable',
    context: { kms: inVault },
  },
  {
    field: 'keys[].kms (an older version of a key)',
    image: 'demo/signed:1.0',
    from: { keys: [{ name: 'release', kms: 'hashivault://rotated' }] },
    to: { keys: [{ name: 'release', kms: 'hashivault://other' }] },
    before: 'Verified',
    after: 'UntrustedSignature',
    context: { kms: inVault },
  },
  {
    field: 'keys[].notBefore',
    image: 'demo/signed:1.0',
    from: { keys: [{ ...release, notBefore: '2026-05-31T23:59:59Z' }] },
    to: { keys: [{ ...release, notBefore: '2026-06-01T00:00:01Z' }] },
    before: 'Verified',
    after: 'UntrustedSignature',
  },
  {
    field: 'keys[].notAfter',
    image: 'demo/signed:1.0',
    from: { keys: [{ ...release, notAfter: '2026-06-01T00:00:01Z' }] },
    to: { keys: [{ ...release, notAfter: '2026-05-31T23:59:59Z' }] },
    before: 'Verified',
    after: 'UntrustedSignature',
  },
  {
    field: 'threshold',
    image: 'demo/signed:1.0',
    from: { keys: [release, other] },
    to: { keys: [release, other], threshold: 2 },
    before: 'Verified',
    after: 'ThresholdNotMet',
  },
  ...['simple-signing', 'bundle'].map((format) => ({
    field: `threshold (attestations alone, ${format})`,
    image: `demo/attested:${format}`,
    from: { threshold: 0, ...attested({}) },
    to: { threshold: 1, ...attested({}) },
    before: 'Verified',
    after: 'NoSignature',
  })),
  {
    field: 'required',
    image: 'demo/signed:1.0',
    from: { keys: [release, other], required: ['release'] },
    to: { keys: [release, other], required: ['other'] },
    before: 'Verified',
    after: 'ThresholdNotMet',
  },
  {
    field: 'keys[].name',
    image: 'demo/signed:1.0',
    from: { keys: [{ ...release, name: 'a' }, other], required: ['a'] },
    to: {
      keys: [
        { ...release, name: 'b' },
        { ...other, name: 'a' },
      ],
      required: ['a'],
    },
    before: 'Verified',
    after: 'ThresholdNotMet',
  },
  ...['simple-signing', 'bundle'].map((format) => ({
    field: `annotations (${format})`,
    image: `demo/annotated:${format}`,
    from: { annotations: { environment: 'production' } },
    to: { annotations: { environment: 'staging' } },
    before: 'Verified',
    after: 'AnnotationMismatch',
  })),
  // The vectors were signed in another registry than the one that serves them here.
  {
    field: 'signedIdentity',
    image: 'demo/signed:1.0',
    from: {},
    to: { signedIdentity: { matchPolicy: 'MatchRepository' } },
    before: 'Verified',
    after: 'SignedIdentityMismatch',
  },
  {
    field: 'signedIdentity.exactRepository',
    image: 'demo/signed:1.0',
    from: signedFor('127.0.0.1:44601/demo/signed'),
    to: signedFor('127.0.0.1:44601/demo/two-signers'),
    before: 'Verified',
    after: 'SignedIdentityMismatch',
  },
  {
    field: 'signedIdentity (bundle)',
    image: 'demo/bundle:1.0',
    from: {},
    to: { signedIdentity: { matchPolicy: 'MatchRepository' } },
    before: 'Verified',
    after: 'SignedIdentityMismatch',
  },
  ...['simple-signing', 'bundle'].map((format) => ({
    field: `transparencyLog (${format})`,
    image: format === 'bundle' ? 'demo/bundle:1.0' : 'demo/signed:1.0',
    from: {},
    to: { transparencyLog: 'Require' as const },
    before: 'Verified',
    after: 'TransparencyLogMissing',
  })),
  ...['simple-signing', 'bundle'].map((format) => ({
    field: `platforms (${format})`,
    image: `demo/index:${format}`,
    from: { platforms: 'IndexOrEach' as const },
    to: { platforms: 'Each' as const },
    before: 'Verified',
    after: 'NoSignature',
  })),
  {
    field: 'attestations[].predicateType',
    image: 'demo/signed-and-attested:bundle',
    from: attested({}),
    to: attested({ predicateType: 'https://example.com/other/v1' }),
    before: 'Verified',
    after: 'AttestationMissing',
  },
  {
    field: 'attestations[].predicateType (.att)',
    image: 'demo/signed-and-attested:simple-signing',
    from: attested({}),
    to: attested({ predicateType: 'https://example.com/other/v1' }),
    before: 'Verified',
    after: 'AttestationMissing',
  },
  {
    field: 'attestations[].conditions',
    image: 'demo/signed-and-attested:bundle',
    from: attested({
      conditions: [{ expression: 'statement.predicateType.startsWith("https://example.com/")', message: 'm' }],
    }),
    to: attested({ conditions: [{ expression: 'statement.predicateType == ""', message: 'm' }] }),
    before: 'Verified',
    after: 'AttestationFailed',
  },
  {
    field: 'attestations[].schema',
    image: 'demo/signed-and-attested:bundle',
    from: attested({ schema: { type: 'object' } }),
    to: attested({ schema: { type: 'array' } }),
    before: 'Verified',
    after: 'AttestationFailed',
  },
  {
    field: 'attestations[].signers',
    image: 'demo/signed-and-attested:bundle',
    from: { keys: [release, other], ...attested({ signers: ['release'] }) },
    to: { keys: [release, other], ...attested({ signers: ['other'] }) },
    before: 'Verified',
    after: 'AttestationMissing',
  },
];

describe('every field of a policy counts', () => {
  let engine: TestEngine;
  before(async () => {
    engine = await startEngine();
  });
  after(() => engine.close());

  for (const { field, image, from, to, before: first, after: second, options, context } of CASES) {
    test(`${field} alone turns ${first} into ${second}`, async () => {
      for (const [part, code] of [
        [from, first],
        [to, second],
      ] as const) {
        const spec: ImagePolicySpec = { images: ['**'], keys: [release], ...part };
        engine.store.replace([compiled('policy', spec, compileContext(context))]);
        const verdict = await engine.decide(image, options);
        assert.equal(verdict.code, code, verdict.message);
      }
    });
  }

  for (const format of ['simple-signing', 'bundle']) {
    test(`signatureRepository alone turns NoSignature into Verified (${format})`, async () => {
      const spec: ImagePolicySpec = { images: ['**'], keys: [release] };
      engine.store.replace([compiled('policy', spec)]);
      assert.equal((await engine.decide(`demo/elsewhere:${format}`)).code, 'NoSignature');
      const signatureRepository = `${engine.registry.host}/demo/signatures`;
      engine.store.replace([compiled('policy', { ...spec, signatureRepository })]);
      assert.equal((await engine.decide(`demo/elsewhere:${format}`)).code, 'Verified');
    });
  }

  test('mode alone changes what a failing image means', async () => {
    for (const mode of ['Enforce', 'Warn', 'Audit'] as const) {
      engine.store.replace([compiled('policy', { images: ['**'], keys: [release], mode })]);
      const verdict = await engine.decide('demo/unsigned:1.0');
      assert.deepEqual([verdict.outcome, verdict.mode], ['denied', mode]);
    }
  });
});
