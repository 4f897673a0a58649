// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { DemandTexts } from '../../../../../core/policy/expressions/types.ts';
import type { CompileContext } from '../../../../../core/policy/compile/compile-context.ts';
import { EMPTY_CONTEXT, PEM } from '../examples.ts';
import { OTHER_PEM, compile } from './compiling.ts';

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
