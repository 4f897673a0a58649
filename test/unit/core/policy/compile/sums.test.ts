// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { PEM } from '../examples.ts';
import { compile } from './compiling.ts';

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
