// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { droppedBy } from '../../../../../core/policy/documents/dropped-fields.ts';

const text = { type: 'string' };

/** A definition with these fields in `spec`. */
function definition(properties: object, version = 'v1'): object {
  const openAPIV3Schema = { type: 'object', properties: { spec: { type: 'object', properties } } };
  return { spec: { versions: [{ name: version, schema: { openAPIV3Schema } }] } };
}

describe('what a definition has no field for', () => {
  test('is found at any depth, in lists and in maps', () => {
    const keys = { type: 'array', items: { type: 'object', properties: { pem: text } } };
    const maps = { type: 'object', additionalProperties: { type: 'object', properties: { a: text } } };
    const dropped = droppedBy(definition({ keys, maps }));
    assert.deepEqual(dropped({ keys: [{ pem: 'x' }], maps: { any: { a: 'x' } } }), []);
    assert.deepEqual(dropped({ more: 1, keys: [{ pem: 'x' }, { later: { a: 1 } }], maps: { any: { b: 'x' } } }), [
      'spec.more',
      'spec.keys[1].later',
      'spec.maps.any.b',
    ]);
  });

  test('is nothing where what is unknown is kept', () => {
    const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const any = { type: 'object', additionalProperties: true };
    assert.deepEqual(droppedBy(definition({ free, any }))({ free: { a: { b: 1 } }, any: { c: 1 } }), []);
    assert.deepEqual(droppedBy(definition({ none: { type: 'object' } }))({ none: { a: 1 } }), ['spec.none.a']);
    const closed = { type: 'object', additionalProperties: false };
    assert.deepEqual(droppedBy(definition({ closed }))({ closed: { a: 1 } }), ['spec.closed.a']);
  });

  test('is all of a policy where the version has gone, or the text is no definition', () => {
    for (const other of [definition({ images: text }, 'v2'), {}, null, { spec: { versions: [{ name: 'v1' }] } }]) {
      assert.deepEqual(droppedBy(other)({ images: 'x' }), ['spec']);
    }
  });

  test('is nothing of names that every object has', () => {
    assert.deepEqual(droppedBy(definition({}))(JSON.parse('{"__proto__":1,"constructor":1}')), [
      'spec.__proto__',
      'spec.constructor',
    ]);
  });

  test('is nothing of the definitions as they are', () => {
    const spec = {
      images: ['**'],
      namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }], matchLabels: { c: 'd' } },
      keys: [{ secretRef: { name: 'a', key: 'b' } }],
      annotations: { any: 'x' },
      attestations: [{ schema: { properties: { any: {} } }, conditions: [{ expression: 'true' }] }],
    };
    const dropped = droppedBy(parse(readFileSync('crds/imagepolicies.cosignet.dev.yaml', 'utf8')));
    assert.deepEqual(dropped(spec), []);
  });
});
