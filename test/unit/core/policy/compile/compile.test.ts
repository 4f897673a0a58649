// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parse } from 'yaml';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import type { DemandTexts } from '../../../../../core/policy/expressions/types.ts';
import type { CompileContext } from '../../../../../core/policy/compile/compile-context.ts';
import type { ImagePolicySpec } from '../../../../../core/policy/documents/image-policy.gen.ts';
import { countDistinctSigners } from '../../../../../core/policy/signers/signers.ts';
import type { CompiledPolicy } from '../../../../../core/policy/types.ts';
import { createAuthority } from '../../../../fakes/sigstore/authorities.ts';
import { toPem } from '../../../../fakes/sigstore/certificates.ts';
import { EMPTY_CONTEXT, PEM, newPem, policy } from '../examples.ts';

const OTHER_PEM = newPem();
const CA = toPem('CERTIFICATE', createAuthority().root);

function compile(spec: Partial<ImagePolicySpec>, context: CompileContext = EMPTY_CONTEXT): CompiledPolicy {
  return compilePolicy(policy(spec), context);
}

/** `reason path` of each problem. */
function problemsOf(spec: Partial<ImagePolicySpec>, context?: CompileContext): readonly string[] {
  return compile(spec, context).problems.map(({ reason, path }) => `${reason} ${path}`);
}

function claims({ patterns }: CompiledPolicy): readonly string[] {
  return patterns.map(({ canonical }) => canonical);
}

describe('compilePolicy', () => {
  test('fills in the defaults that the resource declares', () => {
    const compiled = compile({ identities: [{ issuer: 'i', subject: 's' }] });
    assert.deepEqual(compiled.problems, []);
    const text = readFileSync(new URL('../../../../../crds/imagepolicies.cosignet.dev.yaml', import.meta.url), 'utf8');
    const properties = parse(text).spec.versions[0].schema.openAPIV3Schema.properties.spec.properties;
    for (const field of ['action', 'mode', 'threshold', 'transparencyLog'] as const) {
      assert.equal(compiled[field], properties[field].default, field);
    }
    const [, identity] = compiled.signers;
    assert.ok(identity?.kind === 'identity');
    assert.equal(identity.trustRoot, properties.identities.items.properties.trustRoot.default);
  });

  test('carries over what the policy says', () => {
    const compiled = compile({
      images: ['nginx', 'ghcr.io/acme/*'],
      action: 'Deny',
      mode: 'Audit',
      keys: [
        { name: 'a', pem: PEM, notBefore: '2026-01-01T00:00:00Z', notAfter: '2026-02-01T00:00:00+01:00' },
        { pem: OTHER_PEM },
      ],
      threshold: 2,
      required: ['a', 'key-1'],
      annotations: { team: 'blue' },
      transparencyLog: 'Require',
      signatureRepository: 'localhost:5000/signatures',
    });
    const { name, generation, action, mode, threshold, required, annotations, transparencyLog, signatureRepository } =
      compiled;
    assert.deepEqual(
      { name, generation, action, mode, threshold, required, annotations, transparencyLog, signatureRepository },
      {
        name: 'example',
        generation: 3,
        action: 'Deny',
        mode: 'Audit',
        threshold: 2,
        required: ['a', 'key-1'],
        annotations: { team: 'blue' },
        transparencyLog: 'Require',
        signatureRepository: { registry: 'localhost:5000', path: 'signatures' },
      },
    );
    assert.deepEqual(claims(compiled), ['docker.io/library/nginx', 'ghcr.io/acme/*']);
    const [first, second] = compiled.signers;
    assert.ok(first?.kind === 'key' && second?.kind === 'key');
    assert.equal(first.notBefore, Date.UTC(2026, 0, 1));
    assert.equal(first.notAfter, Date.UTC(2026, 0, 31, 23));
    assert.equal(second.name, 'key-1');
    assert.equal(second.algorithm, 'ECDSA-P256');
    assert.deepEqual(compiled.problems, []);
  });

  test('takes a threshold of nothing where attestations are asked for', () => {
    const { threshold, problems } = compile({
      threshold: 0,
      attestations: [{ name: 'a', predicateType: 't' }],
      annotations: {},
      required: [],
    });
    assert.deepEqual([threshold, problems], [0, []]);
  });

  test('takes certificates alone as signers, by name or by index', () => {
    const certificates = [
      { name: 'a', caPem: CA, subject: 's' },
      { caPem: CA, subjectPattern: '.*' },
    ];
    const { signers, problems } = compile({ keys: [], certificates, threshold: 2, required: ['a', 'certificate-1'] });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      signers.map(({ kind, name }) => `${kind} ${name}`),
      ['certificate a', 'certificate certificate-1'],
    );
  });

  test('reads keys from Secrets', () => {
    const context: CompileContext = {
      ...EMPTY_CONTEXT,
      secret: (name, key) => (name === 'keys' && key === 'cosign.pub' ? { pem: PEM } : undefined),
    };
    const secretRef = { name: 'keys', key: 'cosign.pub' };
    const found = compile({ keys: [{ secretRef }] }, context).signers[0];
    const direct = compile({ keys: [{ pem: PEM }] }).signers[0];
    assert.ok(found?.kind === 'key' && direct?.kind === 'key');
    assert.equal(found.fingerprint, direct.fingerprint);
    assert.deepEqual(problemsOf({ keys: [{ secretRef: { name: 'keys', key: 'other' } }] }, context), [
      'SecretNotFound spec.keys[0].secretRef',
    ]);
    const broken = { ...context, secret: () => ({ pem: 'garbage' }) };
    assert.deepEqual(problemsOf({ keys: [{ secretRef }] }, broken), ['InvalidKey spec.keys[0].secretRef']);
  });

  test('matches identities as a whole, by text or by pattern', () => {
    const { signers } = compile({
      keys: [],
      identities: [
        { issuer: 'https://issuer.example', subjectPattern: 'https://github\\.com/acme/.*|release@acme\\.example' },
        { issuerPattern: '.*', subject: 'a.c' },
      ],
    });
    const [first, second] = signers;
    assert.ok(first?.kind === 'identity' && second?.kind === 'identity');
    assert.equal(first.name, 'identity-0');
    assert.ok(first.issuer.matches('https://issuer.example'));
    assert.ok(!first.issuer.matches('https://issuer.example.evil.io'));
    assert.ok(first.subject.matches('https://github.com/acme/app'));
    assert.ok(first.subject.matches('release@acme.example'));
    assert.ok(!first.subject.matches('https://evil.io/?https://github.com/acme/app'));
    assert.ok(!first.subject.matches('release@acme.example.evil.io'));
    assert.ok(!first.subject.matches('evil\nrelease@acme.example'));
    assert.ok(!second.subject.matches('abc'));
  });

  test('keeps two entries of one key, which count as one signer', () => {
    const { signers, problems } = compile({
      keys: [
        { name: 'a', pem: PEM },
        { name: 'b', pem: `\n${PEM}\n` },
      ],
      required: ['b'],
    });
    assert.deepEqual(problems, []);
    assert.equal(signers.length, 2);
    assert.equal(countDistinctSigners(signers), 1);
  });
});

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

describe('what one policy may hold in sum', () => {
  const names = ['a', 'b', 'c', 'd'];

  test('of expressions', () => {
    const conditions = Array.from({ length: 10 }, () => ({ expression: 'x'.repeat(1000) }));
    const { problems, attestations } = compile({
      keys: [{ pem: PEM }],
      attestations: names.map((name) => ({ name, predicateType: 't', conditions })),
    });
    assert.deepEqual(attestations, []);
    assert.deepEqual(problems, [
      {
        reason: 'InvalidAttestation',
        path: 'spec.attestations',
        message: 'the expressions of this policy have 40000 characters together, of at most 32768',
      },
    ]);
  });

  test('of schemas', () => {
    const schema = { title: 'x'.repeat(40_000) };
    const { problems } = compile({
      keys: [{ pem: PEM }],
      attestations: names.map((name) => ({ name, predicateType: 't', schema })),
    });
    assert.match(problems[0]?.message ?? '', /the schemas of this policy have 160048 characters/);
  });

  test('of patterns', () => {
    const identities = Array.from({ length: 10 }, () => ({ issuer: 'https://a', subjectPattern: '[a-z]{250}' }));
    const { problems } = compile({ identities });
    assert.equal(problems.length, 5);
    assert.deepEqual(problems[0], {
      reason: 'InvalidPattern',
      path: 'spec.identities[5].subjectPattern',
      message: 'the patterns of this policy have more than 4000 steps together',
    });
  });
});

describe('attestations', () => {
  const seen: DemandTexts[] = [];
  const context: CompileContext = {
    ...EMPTY_CONTEXT,
    prepareDemand(texts) {
      seen.push(texts);
      const faults = texts.conditions.flatMap(({ expression }, index) =>
        expression === 'bad' ? [{ field: `conditions[${index}].expression`, message: 'does not parse' }] : [],
      );
      return { faults, check: async () => ({ steps: 1 }) };
    },
  };

  test('are compiled with the signers that they name, all without names', () => {
    const { attestations, problems } = compile(
      {
        keys: [{ name: 'a', pem: PEM }, { pem: OTHER_PEM }],
        attestations: [
          {
            name: 'one',
            predicateType: 't',
            schema: {},
            conditions: [{ expression: 'yes', message: 'm' }],
            signers: ['key-1'],
          },
          { name: 'two', predicateType: 'u' },
        ],
      },
      context,
    );
    assert.deepEqual(problems, []);
    const [one, two] = attestations;
    assert.deepEqual(
      one?.signers.map(({ name }) => name),
      ['key-1'],
    );
    assert.deepEqual(seen, [{ conditions: [{ expression: 'yes', message: 'm' }], schema: '{}' }]);
    assert.ok(one?.check);
    assert.deepEqual(
      two?.signers.map(({ name }) => name),
      ['a', 'key-1'],
    );
    assert.equal(two?.check, undefined);
  });

  test('name the condition that does not compile', () => {
    const conditions = [{ expression: 'yes' }, { expression: 'bad' }];
    const { problems } = compile({ attestations: [{ name: 'a', predicateType: 't', conditions }] }, context);
    assert.deepEqual(problems, [
      {
        reason: 'InvalidAttestation',
        path: 'spec.attestations[0].conditions[1].expression',
        message: 'does not parse',
      },
    ]);
  });
});

/** Of a policy with a field that nobody knows. */
function modeOf(mode?: string): string {
  const spec = { images: ['**'], surprise: true, ...(mode !== undefined && { mode }) };
  const document = { apiVersion: 'cosignet.dev/v1', kind: 'ImagePolicy', metadata: { name: 'a' }, spec };
  return compilePolicy(document, EMPTY_CONTEXT).mode;
}

test('a policy that is not valid keeps its mode, and enforces where it names none of ours', () => {
  assert.deepEqual(
    ['Audit', 'Warn', 'Enforce', 'Off', undefined].map((mode) => modeOf(mode)),
    ['Audit', 'Warn', 'Enforce', 'Enforce', 'Enforce'],
  );
});

test('a policy whose shape is wrong keeps its generation, where that is a number: its status has to name it', () => {
  for (const [generation, expected] of [
    [7, 7],
    ['7', 0],
    [undefined, 0],
  ] as const) {
    const broken = { ...policy(), metadata: { name: 'a', generation }, spec: 1 };
    assert.equal(compilePolicy(broken, EMPTY_CONTEXT).generation, expected);
  }
});
