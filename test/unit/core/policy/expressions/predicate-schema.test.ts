// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compilePredicateSchema } from '../../../../../core/policy/expressions/predicate-schema.ts';
import { processorTime } from '../../../../fakes/processor-time.ts';

const DRAFT_07 = 'http://json-schema.org/draft-07/schema#';
const DRAFT_2020 = 'https://json-schema.org/draft/2020-12/schema';

describe('a predicate schema', () => {
  const cases: readonly { name: string; schema: object; good: unknown; bad: unknown; fault: RegExp }[] = [
    {
      name: 'requires members',
      schema: { type: 'object', required: ['spdxVersion'], properties: { spdxVersion: { type: 'string' } } },
      good: { spdxVersion: 'SPDX-2.3' },
      bad: {},
      fault: /required property 'spdxVersion'/,
    },
    {
      name: 'names the place of the fault',
      schema: { properties: { a: { properties: { b: { const: 1 } } } } },
      good: { a: { b: 1 } },
      bad: { a: { b: 2 } },
      fault: /predicate\/a\/b must be equal to constant/,
    },
    {
      name: 'reads draft 2020-12',
      schema: { $schema: DRAFT_2020, prefixItems: [{ type: 'number' }], items: false },
      good: [1],
      bad: [1, 2],
      fault: /more than 1 items/,
    },
    {
      name: 'reads draft-07',
      schema: { $schema: DRAFT_07, items: [{ type: 'number' }], additionalItems: false },
      good: [1],
      bad: [1, 2],
      fault: /more than 1 items/,
    },
    {
      name: 'follows references inside of itself',
      schema: { $defs: { level: { enum: ['LOW', 'HIGH'] } }, properties: { level: { $ref: '#/$defs/level' } } },
      good: { level: 'LOW' },
      bad: { level: 'CRITICAL' },
      fault: /allowed values/,
    },
    {
      name: 'checks formats',
      schema: { type: 'string', format: 'date-time' },
      good: '2026-06-01T00:00:00Z',
      bad: 'yesterday',
      fault: /format/,
    },
    {
      name: 'finds equal elements whatever the order of their members',
      schema: { type: 'array', uniqueItems: true },
      good: [
        { a: 1, b: 2 },
        { a: 1, b: 3 },
      ],
      bad: [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      fault: /uniqueItems/,
    },
    {
      name: 'does not take what JavaScript objects inherit for fields',
      schema: { required: ['constructor'], properties: { valueOf: { type: 'string' } } },
      good: { ['constructor']: 1 },
      bad: {},
      fault: /required property 'constructor'/,
    },
    {
      name: 'matches patterns anywhere in the text, as JSON Schema does',
      schema: { type: 'string', pattern: 'b+' },
      good: 'abba',
      bad: 'aaaa',
      fault: /pattern/,
    },
    {
      name: 'keeps several patterns apart',
      schema: { properties: { a: { type: 'string', pattern: '^a$' }, b: { type: 'string', pattern: '^b$' } } },
      good: { a: 'a', b: 'b' },
      bad: { a: 'a', b: 'a' },
      fault: /predicate\/b must match pattern "\^b\$"/,
    },
  ];
  for (const { name, schema, good, bad, fault } of cases) {
    test(name, () => {
      const faultOf = compilePredicateSchema(schema);
      assert.equal(faultOf(good), undefined);
      assert.match(faultOf(bad) ?? '', fault);
    });
  }

  test('does not change when its source is changed later', () => {
    const schema = { type: 'object', required: ['a'] };
    const faultOf = compilePredicateSchema(schema);
    schema.required = [];
    assert.match(faultOf({}) ?? '', /required/);
  });
});

describe('a schema that cannot be used says why', () => {
  const faults: readonly (readonly [string, unknown, RegExp])[] = [
    ['no object', true, /not an object/],
    ['a misspelt keyword', { requierd: ['a'] }, /unknown keyword: "requierd"/],
    ['an unknown draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, /neither draft 2020-12 nor draft-07/],
    ['a reference to another document', { $ref: 'https://example.test/schema' }, /only refer to this schema itself/],
    ['such a reference further in', { properties: { a: { $ref: 'other.json' } } }, /#\/properties\/a: \$ref/],
    ['a reference to nothing', { $ref: '#/$defs/none' }, /can't resolve reference/],
    [
      'a reference to an example',
      { examples: [{ type: 'number' }], $ref: '#/examples/0' },
      /refers to what is no schema/,
    ],
    [
      'the same, written otherwise',
      { default: { 'a/b': {} }, allOf: [{ $ref: '#/d%65fault/a~1b' }] },
      /no schema there/,
    ],
    ['a nested id', { properties: { a: { $id: 'https://example.test/' } } }, /\$id is only allowed at the root/],
    ['an asynchronous schema, whose answer would always be true', { $async: true, type: 'number' }, /\$async/],
    ['the same further in', { allOf: [{ $async: true }] }, /\$async/],
    [
      'subschemas too deep in each other',
      Array.from({ length: 40 }).reduce<object>((inner) => ({ not: inner }), {}),
      /nests more than 32 deep/,
    ],
    ['too many values', { enum: Array.from({ length: 5000 }, (_, index) => index) }, /more than 5000 values/],
    ['a million empty values', { examples: Array.from({ length: 1_000_000 }, () => ({})) }, /more than 5000 values/],
    ['a pattern too large', { pattern: '(a?){1000}'.repeat(100) }, /the regular expression is too large/],
    [
      'patterns too large together',
      { properties: Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`p${i}`, { pattern: `${i}{400}` }])) },
      /more than 4000 steps together/,
    ],
    ['a meter of its own', { 'x-cosignet-steps': 0 }, /x-cosignet-steps is not supported/],
    ['a pattern that is none', { type: 'string', pattern: '[' }, /missing closing/],
    ['a pattern beyond RE2', { type: 'string', pattern: '(?=a)' }, /invalid or unsupported/],
    ['an unknown format', { type: 'string', format: 'colour' }, /unknown format/],
    ['too many characters', { enum: ['x'.repeat(70_000)] }, /longer than/],
    [
      'too many subschemas',
      { properties: Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`p${index}`, {}])) },
      /more than 500 subschemas/,
    ],
  ];
  for (const [name, schema, reason] of faults) {
    test(name, () => assert.throws(() => compilePredicateSchema(schema), reason));
  }
});

function quickly<T>(work: () => T): T {
  const started = processorTime();
  const result = work();
  assert.ok(processorTime() - started < 4000);
  return result;
}

const both = (index: number) => ({ allOf: [{ $ref: `#/$defs/d${index}` }, { $ref: `#/$defs/d${index}` }] });

describe('a hostile schema or predicate ends soon and never passes by it', () => {
  test('references that double at each step', () => {
    const $defs = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`d${index}`, both(index + 1)]));
    const faultOf = compilePredicateSchema({ $defs: { ...$defs, d40: {} }, $ref: '#/$defs/d0' });
    assert.match(quickly(() => faultOf(1)) ?? '', /takes more than 4000000 steps/);
  });

  test('values to compare with, on each of many items', () => {
    const faultOf = compilePredicateSchema({
      items: { enum: Array.from({ length: 2000 }, (_, index) => `x${index}`) },
    });
    assert.match(quickly(() => faultOf(Array.from({ length: 3000 }, () => 'x1999'))) ?? '', /takes more than/);
  });

  test('a pattern on each of many items', () => {
    const faultOf = compilePredicateSchema({ items: { pattern: '(a?b?c?d?){20}' } });
    assert.match(quickly(() => faultOf(Array.from({ length: 3000 }, () => 'a'.repeat(100)))) ?? '', /takes more than/);
  });

  test('references that double with each level of the predicate', () => {
    const inner = { properties: { a: { $ref: '#' } } };
    const deep = Array.from({ length: 60 }).reduce<object>((value) => ({ a: value }), {});
    const faultOf = compilePredicateSchema({ allOf: [inner, inner] });
    assert.match(quickly(() => faultOf(deep)) ?? '', /takes more than 4000000 steps/);
  });

  test('a reference to itself', () => {
    assert.match(compilePredicateSchema({ allOf: [{ $ref: '#' }] })(1) ?? '', /refers to itself without end/);
  });

  test('a pattern that other engines choke on, in values and in names', () => {
    const inValue = compilePredicateSchema({ type: 'string', pattern: '^(a+)+$' });
    assert.match(quickly(() => inValue(`${'a'.repeat(50_000)}!`)) ?? '', /pattern/);
    const inName = compilePredicateSchema({ patternProperties: { '^(a+)+$': false } });
    assert.equal(
      quickly(() => inName({ [`${'a'.repeat(50_000)}!`]: 1 })),
      undefined,
    );
  });

  test('a long list whose elements must differ', () => {
    const faultOf = compilePredicateSchema({ type: 'array', uniqueItems: true });
    assert.equal(
      quickly(() => faultOf(Array.from({ length: 5_000 }, (_, index) => ({ index })))),
      undefined,
    );
  });
});

describe('what could make a schema mean something else is found', () => {
  const foreign = { $async: true };
  const one = 'additionalItems additionalProperties contains else if items not propertyNames then';
  const places: readonly (readonly [string, object])[] = [
    ...`${one} unevaluatedItems unevaluatedProperties`.split(' ').map((keyword) => [keyword, foreign] as const),
    ...'allOf anyOf items oneOf prefixItems'.split(' ').map((keyword) => [`${keyword}/1`, [{}, foreign]] as const),
    ...'$defs definitions dependencies dependentSchemas patternProperties properties'
      .split(' ')
      .map((keyword) => [`${keyword}/a`, { a: foreign }] as const),
  ];
  for (const [place, inside] of places) {
    test(`in ${place}`, () => {
      const schema = { [place.replace(/\/.*/, '')]: inside };
      assert.throws(() => compilePredicateSchema(schema), { message: `#/${place}: $async is not supported` });
    });
  }

  for (const keyword of ['$async', '$dynamicRef', '$dynamicAnchor', '$recursiveRef', '$recursiveAnchor', '$anchor']) {
    test(`as ${keyword}`, () => {
      const message = `#/not: ${keyword} is not supported`;
      assert.throws(() => compilePredicateSchema({ not: { [keyword]: '#a' } }), { message });
    });
  }
});
