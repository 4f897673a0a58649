// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseStatement } from '../../../../core/cosign/statement.ts';
import { EngineError } from '../../../../core/errors.ts';
import { digestOf, hexOf } from '../../../../core/image/digest.ts';

const digest = digestOf(Buffer.from('an image'));
const other = digestOf(Buffer.from('another image'));
const about = (image: string, annotations: unknown = {}) => ({ digest: { sha256: image.slice(7) }, annotations });
const statement = (changes: object = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [about(digest)],
  predicateType: 'https://example.com/tests/v1',
  predicate: { failed: 0 },
  ...changes,
});
const parse = (value: unknown) =>
  parseStatement(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), digest, 1 << 20);

describe('parseStatement', () => {
  test('gives the type, and no part of what is claimed', () => {
    assert.deepEqual(parse(statement()), { predicateType: 'https://example.com/tests/v1', annotations: {} });
  });

  test('reads the older statement v0.1, but not as a signature of cosign', () => {
    const old = { _type: 'https://in-toto.io/Statement/v0.1' };
    assert.equal(parse(statement(old)).predicateType, 'https://example.com/tests/v1');
    const predicateType = 'https://sigstore.dev/cosign/sign/v1';
    assert.equal(parse(statement({ predicateType })).predicateType, predicateType);
    assert.throws(() => parse(statement({ ...old, predicateType })), { message: /wrong version/ });
  });

  test('takes the annotations of the subject that is the image', () => {
    const subject = [about(other, { a: 'theirs' }), about(digest, { a: 'ours', n: 1 })];
    assert.deepEqual(parse(statement({ subject })).annotations, { a: 'ours' });
  });

  test('allows a signature without a predicate, as cosign wrote it before 3.0.5', () => {
    assert.doesNotThrow(() => parse(statement({ predicate: undefined })));
  });

  const upperHex = hexOf(digest).toUpperCase();
  for (const [what, value, message] of [
    ['names another image', statement({ subject: [about(other)] }), /names another image/],
    ['names no image', statement({ subject: [] }), /names another image/],
    ['has null for subjects', statement({ subject: null }), /no subject/],
    ['has no subjects', statement({ subject: undefined }), /no subject/],
    ['has one subject that is no list', statement({ subject: about(digest) }), /no subject/],
    ['has a subject that is null', statement({ subject: [null] }), /another image/],
    ['has a subject without digest', statement({ subject: [{ name: digest }] }), /another image/],
    ['names the image in capitals', statement({ subject: [{ digest: { sha256: upperHex } }] }), /another image/],
    ['names the image by the digest with prefix', statement({ subject: [{ digest: { sha256: digest } }] }), /another/],
    [
      'names the image under another algorithm',
      statement({ subject: [{ digest: { sha1: hexOf(digest) } }] }),
      /another/,
    ],
    ['is of another version', statement({ _type: 'https://in-toto.io/Statement/v2' }), /not an in-toto statement/],
    ['is of no version', statement({ _type: undefined }), /not an in-toto statement/],
    ['has no predicate type', statement({ predicateType: undefined }), /no predicateType/],
    ['has an empty predicate type', statement({ predicateType: '' }), /no predicateType/],
    ['has a huge predicate type', statement({ predicateType: 'x'.repeat(1025) }), /absurdly long/],
    ['has 1025 subjects', statement({ subject: Array.from({ length: 1025 }, () => about(digest)) }), /more than 1024/],
    [
      'has 33 digests of one subject',
      statement({ subject: [{ digest: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`a${i}`, 'x'])) }] }),
      /more than 32 digests/,
    ],
    ['is a list', [], /not an object/],
    ['has its subjects twice', JSON.stringify(statement()).replace('{', '{"subject":[],'), /"subject" twice/],
  ] as const) {
    test(`refuses a statement that ${what}`, () => {
      assert.throws(() => parse(value), { name: 'EngineError', code: 'MalformedSignature', message });
    });
  }

  test('takes a statement of any shape only where a subject has the digest', () => {
    const subject = fc.record({
      digest: fc.dictionary(fc.constantFrom('sha256', 'sha1'), fc.constantFrom(hexOf(digest), 'x')),
    });
    fc.assert(
      fc.property(fc.array(subject), (subjects) => {
        const named = subjects.some((entry) => entry.digest['sha256'] === hexOf(digest));
        if (named) assert.doesNotThrow(() => parse(statement({ subject: subjects })));
        else assert.throws(() => parse(statement({ subject: subjects })), EngineError);
      }),
    );
  });
});

// The caps of a statement: as much as is allowed is read, and one more is not.

const HEX = 'ab'.repeat(32);
const IMAGE = { digest: { sha256: HEX } };

function read(change: object): string {
  const written = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [IMAGE],
    predicateType: 'type',
    predicate: {},
    ...change,
  };
  return parseStatement(Buffer.from(JSON.stringify(written)), `sha256:${HEX}`, 1024 * 1024).predicateType;
}

function digests(count: number): object {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [index === 0 ? 'sha256' : `other${index}`, HEX]),
  );
}

function manySubjects(count: number): readonly object[] {
  return Array.from({ length: count }, () => IMAGE);
}

test('a predicate type has 1024 characters at most', () => {
  assert.equal(read({ predicateType: 'a'.repeat(1024) }).length, 1024);
  assert.throws(() => read({ predicateType: 'a'.repeat(1025) }), { code: 'MalformedSignature' });
});

test('a statement has 1024 subjects at most', () => {
  assert.equal(read({ subject: manySubjects(1024) }), 'type');
  assert.throws(() => read({ subject: manySubjects(1025) }), { code: 'MalformedSignature' });
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
