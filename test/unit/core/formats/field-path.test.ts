// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFieldPath, placesAt } from '../../../../core/formats/field-path.ts';
import type { JsonObject } from '../../../../core/json.ts';

describe('a path', () => {
  for (const [text, steps] of [
    ['spec', ['spec']],
    ['spec.template.spec', ['spec', 'template', 'spec']],
    ['spec.steps[*].image', ['spec', 'steps', '*', 'image']],
    ['spec.a[*].b_c[*].d-e[*]', ['spec', 'a', '*', 'b_c', '*', 'd-e', '*']],
  ] as const) {
    test(`${text} is read`, () => assert.deepEqual(parseFieldPath(text), steps));
  }

  for (const text of [
    '',
    '.',
    '.spec',
    'spec.',
    'spec..image',
    '$.spec',
    '/spec/image',
    'spec.steps[0].image',
    'spec.steps[].image',
    'spec.steps.*.image',
    'spec[*][*]',
    '[*].image',
    'spec.steps [*]',
    'spec["a"]',
    'a~1b',
    'spec\n',
  ]) {
    test(`${JSON.stringify(text)} is none`, () => assert.equal(parseFieldPath(text), undefined));
  }
});

function valuesAt(object: JsonObject, text: string): unknown {
  const places = placesAt(object, parseFieldPath(text) ?? []);
  return 'message' in places ? places : places.map(({ value, path, pointer }) => [value, path, pointer]);
}

const items = (count: number) => Array.from({ length: count }, () => 'a');

describe('what is at a path', () => {
  const task = { spec: { steps: [{ image: 'a' }, { script: 'x' }, null, { image: null }, { image: 7 }] } };

  test('is each value with its place, and nothing for what is missing or null', () => {
    assert.deepEqual(valuesAt(task, 'spec.steps[*].image'), [
      ['a', 'spec.steps[0].image', '/spec/steps/0/image'],
      [7, 'spec.steps[4].image', '/spec/steps/4/image'],
    ]);
    for (const nothing of [{}, { spec: null }, { spec: {} }, { spec: { steps: null } }, { spec: { steps: [] } }]) {
      assert.deepEqual(valuesAt(nothing, 'spec.steps[*].image'), [], JSON.stringify(nothing));
    }
  });

  for (const [what, object, fault] of [
    ['a text for an object', { spec: 'x' }, { path: 'spec', message: 'must be an object' }],
    ['a list for an object', { spec: [] }, { path: 'spec', message: 'must be an object' }],
    ['an object for a list', { spec: { steps: { image: 'a' } } }, { path: 'spec.steps', message: 'must be a list' }],
    ['a text as an item', { spec: { steps: ['a'] } }, { path: 'spec.steps[0]', message: 'must be an object' }],
  ] as const) {
    test(`is a fault for ${what}`, () => assert.deepEqual(valuesAt(object, 'spec.steps[*].image'), fault));
  }

  test('is nothing that every object of JavaScript has', () => {
    assert.deepEqual(valuesAt({ spec: {} }, 'spec.constructor.name'), []);
    assert.deepEqual(valuesAt(JSON.parse('{"__proto__":{"image":"a"}}'), '__proto__.image'), [
      ['a', '__proto__.image', '/__proto__/image'],
    ]);
  });

  test('is a fault where there is more than anybody writes, also in all lists together', () => {
    const fault = { path: 'spec', message: 'more than 10000 values' };
    assert.deepEqual(valuesAt({ spec: items(10_001) }, 'spec[*]'), fault);
    const lists = { spec: [{ images: items(9_000) }, { images: items(9_000) }] };
    assert.deepEqual(valuesAt(lists, 'spec[*].images[*]'), { ...fault, path: 'spec[1].images' });
  });
});
