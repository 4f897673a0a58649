// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import { generateKeyPairSync } from 'node:crypto';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import type { CompileContext } from '../../../../../core/policy/compile/compile-context.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import { EMPTY_CONTEXT, PEM, policy } from '../examples.ts';
import { CA, OTHER_PEM, claims, compile, problemsOf } from './compiling.ts';

describe('problems', () => {
  const rsa1024 = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'pem', type: 'spki' });
  const identity = { issuer: 'i', subject: 's' };
  const predicate = { name: 'a', predicateType: 't' };
  const cases: readonly (readonly [string, Partial<ImagePolicySpec>, readonly string[]])[] = [
    ['a pattern with a tag', { images: ['nginx:1'] }, ['InvalidPattern spec.images[0]']],
    ['a pattern that nothing matches', { images: ['ok', 'acme/X'] }, ['InvalidPattern spec.images[1]']],
    ['a key that is no key', { keys: [{ pem: 'x' }] }, ['InvalidKey spec.keys[0].pem']],
    ['a key that is too short', { keys: [{ pem: PEM }, { pem: rsa1024 }] }, ['InvalidKey spec.keys[1].pem']],
    ['a key without material', { keys: [{ name: 'a' }] }, ['InvalidSpec spec.keys[0]']],
    [
      'a key given twice over',
      { keys: [{ pem: PEM, secretRef: { name: 'a', key: 'b' } }] },
      ['InvalidSpec spec.keys[0]'],
    ],
    [
      'a Secret that is not there',
      { keys: [{ secretRef: { name: 'a', key: 'b' } }] },
      ['SecretNotFound spec.keys[0].secretRef'],
    ],
    [
      'a window that ends before it starts',
      { keys: [{ pem: PEM, notBefore: '2026-01-02T00:00:00Z', notAfter: '2026-01-01T00:00:00Z' }] },
      ['InvalidSpec spec.keys[0]'],
    ],
    ['a time that is none', { keys: [{ pem: PEM, notAfter: 'soon' }] }, ['InvalidSpec spec.keys[0].notAfter']],
    ['Verify without signers', { keys: [] }, ['InvalidSpec spec']],
    ['a threshold that is out of reach', { threshold: 2 }, ['InvalidSpec spec.threshold']],
    [
      'a threshold that one key twice cannot meet',
      { keys: [{ pem: PEM }, { pem: PEM }], threshold: 2 },
      ['InvalidSpec spec.threshold'],
    ],
    ['a threshold of nothing', { threshold: 0 }, ['InvalidSpec spec.threshold']],
    [
      'a threshold of nothing beside what is asked of signatures',
      { threshold: 0, attestations: [predicate], annotations: { a: 'b' } },
      ['InvalidSpec spec.threshold'],
    ],
    [
      'a threshold of nothing beside required names',
      { threshold: 0, attestations: [predicate], required: ['key-0'] },
      ['InvalidSpec spec.threshold'],
    ],
    ['attestations by nobody at all', { threshold: 0, attestations: [predicate], keys: [] }, ['InvalidSpec spec']],
    ['a required name that is not there', { required: ['key-0', 'b'] }, ['InvalidSpec spec.required[1]']],
    [
      'a name used twice',
      {
        keys: [
          { name: 'a', pem: PEM },
          { name: 'a', pem: OTHER_PEM },
        ],
      },
      ['InvalidSpec spec.keys[1].name'],
    ],
    [
      'a name that is another’s default',
      { keys: [{ pem: PEM }, { name: 'key-0', pem: OTHER_PEM }] },
      ['InvalidSpec spec.keys[1].name'],
    ],
    [
      'an identity named like a key',
      { keys: [{ name: 'a', pem: PEM }], identities: [{ ...identity, name: 'a' }] },
      ['InvalidSpec spec.identities[0].name'],
    ],
    ['an identity without subject', { identities: [{ issuer: 'i' }] }, ['InvalidSpec spec.identities[0]']],
    [
      'an identity with two issuers',
      { identities: [{ ...identity, issuerPattern: 'x' }] },
      ['InvalidSpec spec.identities[0]'],
    ],
    [
      'a pattern that is no RE2',
      { identities: [{ issuer: 'i', subjectPattern: '(' }] },
      ['InvalidPattern spec.identities[0].subjectPattern'],
    ],
    [
      'a pattern with a back-reference',
      { identities: [{ issuer: 'i', subjectPattern: '(a)\\1' }] },
      ['InvalidPattern spec.identities[0].subjectPattern'],
    ],
    [
      'a pattern that would take all memory',
      { identities: [{ issuer: 'i', subjectPattern: '((a{1000}){1000}){1000}' }] },
      ['InvalidPattern spec.identities[0].subjectPattern'],
    ],
    [
      'a claim with two values',
      { identities: [{ ...identity, claims: [{ name: 'buildTrigger', value: 'push', valuePattern: 'push' }] }] },
      ['InvalidSpec spec.identities[0].claims[0]'],
    ],
    [
      'a claim without a value',
      { identities: [{ ...identity, claims: [{ name: 'buildTrigger' }] }] },
      ['InvalidSpec spec.identities[0].claims[0]'],
    ],
    [
      'a claim that is there twice',
      {
        identities: [
          {
            ...identity,
            claims: [
              { name: 'buildTrigger', value: 'push' },
              { name: 'buildTrigger', value: 'release' },
            ],
          },
        ],
      },
      ['InvalidSpec spec.identities[0].claims[1].name'],
    ],
    [
      'a pattern of a claim that is no RE2',
      { identities: [{ ...identity, claims: [{ name: 'buildTrigger', valuePattern: '(' }] }] },
      ['InvalidPattern spec.identities[0].claims[0].valuePattern'],
    ],
    ['a certificate of no authority', { certificates: [{ subject: 's' }] }, ['InvalidSpec spec.certificates[0]']],
    [
      'a certificate of two authorities',
      { certificates: [{ subject: 's', caPem: 'x', secretRef: { name: 'a', key: 'b' } }] },
      ['InvalidSpec spec.certificates[0]'],
    ],
    [
      'an authority that is none',
      { certificates: [{ subject: 's', caPem: PEM }] },
      ['InvalidCertificate spec.certificates[0].caPem'],
    ],
    [
      'an authority in a Secret that is not there',
      { certificates: [{ subject: 's', secretRef: { name: 'a', key: 'b' } }] },
      ['SecretNotFound spec.certificates[0].secretRef'],
    ],
    ['a certificate of nobody', { certificates: [{ caPem: CA }] }, ['InvalidSpec spec.certificates[0]']],
    [
      'a pattern of a certificate that is no RE2',
      { certificates: [{ caPem: CA, subjectPattern: '(' }] },
      ['InvalidPattern spec.certificates[0].subjectPattern'],
    ],
    [
      'a certificate named like a key',
      { keys: [{ name: 'a', pem: PEM }], certificates: [{ name: 'a', caPem: CA, subject: 's' }] },
      ['InvalidSpec spec.certificates[0].name'],
    ],
    [
      'a trust root that is not configured',
      { identities: [{ ...identity, trustRoot: 'x' }] },
      ['UnknownTrustRoot spec.identities[0].trustRoot'],
    ],
    [
      'a signature repository with a tag',
      { signatureRepository: 'acme/app:1' },
      ['InvalidSpec spec.signatureRepository'],
    ],
    [
      'a selector that is not valid',
      { namespaceSelector: { matchLabels: { 'a b': 'c' } } },
      ['InvalidSelector spec.namespaceSelector.matchLabels'],
    ],
    [
      'conditions that cannot be evaluated',
      { attestations: [{ ...predicate, conditions: [{ expression: 'true' }] }] },
      ['InvalidAttestation spec.attestations[0]'],
    ],
    [
      'a schema that cannot be checked',
      { attestations: [{ ...predicate, schema: {} }] },
      ['InvalidAttestation spec.attestations[0]'],
    ],
    [
      'an attestation by nobody',
      { attestations: [{ ...predicate, signers: ['x'] }] },
      ['InvalidAttestation spec.attestations[0].signers'],
    ],
    [
      'two attestations of one name',
      { attestations: [predicate, predicate] },
      ['InvalidAttestation spec.attestations[1].name'],
    ],
  ];
  for (const [title, spec, expected] of cases) {
    test(`names ${title}, and keeps the claim`, () => {
      assert.deepEqual(problemsOf(spec), expected);
      assert.ok(claims(compile(spec)).length > 0);
    });
  }

  test('of a claim that nobody knows lists those that are known', () => {
    const asking = { ...identity, claims: [{ name: 'sourceRepo', value: 'x' }] };
    const compiled = compilePolicy({ ...policy(), spec: { images: ['**'], identities: [asking] } }, EMPTY_CONTEXT);
    const [problem] = compiled.problems;
    assert.equal(problem?.path, 'spec.identities[0].claims[0].name');
    assert.match(
      problem?.message ?? '',
      /^must be one of .*githubWorkflowRef, issuer, buildSignerURI, .*tokenSubject$/,
    );
  });

  test('are all collected', () => {
    const spec = { images: ['a:1'], keys: [{ pem: 'x' }, { secretRef: { name: 'a', key: 'b' } }], required: ['z'] };
    assert.deepEqual(problemsOf(spec), [
      'InvalidPattern spec.images[0]',
      'InvalidKey spec.keys[0].pem',
      'SecretNotFound spec.keys[1].secretRef',
      'InvalidSpec spec.required[0]',
    ]);
  });

  test('leave a policy whose selector cannot be read with all namespaces', () => {
    const valid = compile({ namespaceSelector: { matchLabels: { a: 'b' } } });
    assert.equal(valid.namespaceSelector?.({ a: 'b' }), true);
    assert.equal(valid.namespaceSelector?.({}), false);
    assert.equal(compile({ namespaceSelector: { matchLabels: { a: '!' } } }).namespaceSelector, undefined);
  });

  test('of an unknown field keep claim, name and mode', () => {
    const broken = { ...policy(), spec: { images: ['nginx:latest', 'ghcr.io/**', 3], mode: 'Warn', thresold: 2 } };
    const compiled = compilePolicy(broken, EMPTY_CONTEXT);
    assert.deepEqual(claims(compiled), ['docker.io/library/nginx', 'ghcr.io/**']);
    assert.equal(compiled.name, 'example');
    assert.equal(compiled.mode, 'Warn');
    const paths = compiled.problems.map(({ path }) => path);
    assert.deepEqual(paths.toSorted(), ['spec.images[2]', 'spec.thresold']);
  });

  test('are the answer to whatever is no policy; nothing is thrown, and nothing passes', () => {
    const anything = fc.oneof(
      fc.anything(),
      fc.record({ metadata: fc.anything(), spec: fc.anything() }),
      fc.record({
        metadata: fc.record({ name: fc.constant('a') }),
        spec: fc.record({ images: fc.anything(), keys: fc.anything() }),
      }),
    );
    fc.assert(
      fc.property(anything, (value) => {
        const compiled = compilePolicy(value, EMPTY_CONTEXT);
        assert.ok(compiled.problems.length > 0);
        assert.equal(compiled.action, 'Verify');
      }),
    );
  });

  test('include an exception of a look-up', () => {
    const context: CompileContext = {
      ...EMPTY_CONTEXT,
      secret() {
        throw new Error('boom');
      },
    };
    const compiled = compile({ keys: [{ secretRef: { name: 'a', key: 'b' } }] }, context);
    assert.match(compiled.problems[0]?.message ?? '', /boom/);
    assert.deepEqual(claims(compiled), ['ghcr.io/acme/*']);
  });
});
