// SPDX-License-Identifier: Apache-2.0
// The caps of a statement: as much as is allowed is read, and one more is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStatement } from '../../../../core/cosign/statement.ts';

const HEX = 'ab'.repeat(32);
const IMAGE = { digest: { sha256: HEX } };

function read(change: object): string {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [IMAGE],
    predicateType: 'type',
    predicate: {},
    ...change,
  };
  return parseStatement(Buffer.from(JSON.stringify(statement)), `sha256:${HEX}`, 1024 * 1024).predicateType;
}

function digests(count: number): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [index === 0 ? 'sha256' : `other${index}`, HEX]),
  );
}

function subjects(count: number): readonly object[] {
  return Array.from({ length: count }, () => IMAGE);
}

test('a predicate type has 1024 characters at most', () => {
  assert.equal(read({ predicateType: 'a'.repeat(1024) }).length, 1024);
  assert.throws(() => read({ predicateType: 'a'.repeat(1025) }), { code: 'MalformedSignature' });
});

test('a statement has 1024 subjects at most', () => {
  assert.equal(read({ subject: subjects(1024) }), 'type');
  assert.throws(() => read({ subject: subjects(1025) }), { code: 'MalformedSignature' });
});

test('a statement about nothing is about no image, however nothing is written', () => {
  for (const subject of [undefined, null, {}, '', 0, true, [], [null], [{}], [{ digest: null }], [{ digest: {} }]]) {
    assert.throws(() => read({ subject }), { code: 'MalformedSignature' }, JSON.stringify(subject));
  }
});

test('a subject has 32 digests at most', () => {
  assert.equal(read({ subject: [{ digest: digests(32) }] }), 'type');
  assert.throws(() => read({ subject: [{ digest: digests(33) }] }), { code: 'MalformedSignature' });
});
