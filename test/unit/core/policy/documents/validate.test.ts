// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownFields, validateDocument } from '../../../../../core/policy/documents/validate.ts';

const document = (spec: object): object => ({
  apiVersion: 'cosignet.dev/v1',
  kind: 'ImagePolicy',
  metadata: { name: 'test' },
  spec: { images: ['**'], ...spec },
});

test('a fault names its field as kubectl does', () => {
  const { faults } = validateDocument(document({ keys: [{ name: 1 }], more: 1 }));
  assert.deepEqual(
    faults
      ?.filter(({ path }) => path !== 'spec.keys[0]')
      .map(({ path }) => path)
      .toSorted(),
    ['spec.keys[0].name', 'spec.more'],
  );
});

test('a fault does not repeat control or direction-turning characters of a name', () => {
  const { faults } = validateDocument(document({ 'a\u0000\u001b[2K\u202eb': 1, annotations: { 'x\ny': 1 } }));
  assert.deepEqual(faults?.map(({ path }) => path).toSorted(), ['spec.a??[2K?b', 'spec.annotations.x?y']);
});

test('what is empty and must not be is said in these words', () => {
  const { faults } = validateDocument(document({ images: [], keys: [{ pem: '' }] }));
  assert.deepEqual(faults, [
    { path: 'spec.images', message: 'must not be empty' },
    { path: 'spec.keys[0].pem', message: 'must not be empty' },
  ]);
});

test('a field that a kind does not have is told apart from others that are wrong', () => {
  const unknown = unknownFields(document({ keys: [{ pem: 1 }], more: 1, attestations: [{ other: true }] }));
  assert.deepEqual(unknown.toSorted(), ['spec.attestations[0].other', 'spec.more']);
  assert.deepEqual(unknownFields({ ...document({}), status: { later: 1 } }), []);
  // However many others there are.
  const wrong = Array.from({ length: 40 }, () => ({ pem: 1 }));
  assert.deepEqual(unknownFields(document({ keys: wrong, zz: 1, attestations: [{ other: 1 }] })).length, 2);
});
