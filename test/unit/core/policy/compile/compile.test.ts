// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import { readFileSync } from 'node:fs';
import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { compilePolicy } from '../../../../../core/policy/compile/compile.ts';
import type { CompileContext } from '../../../../../core/policy/compile/compile-context.ts';
import { countDistinctSigners } from '../../../../../core/policy/signers/signers.ts';
import { EMPTY_CONTEXT, PEM, policy } from '../examples.ts';
import { CA, OTHER_PEM, claims, compile, problemsOf } from './compiling.ts';

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
