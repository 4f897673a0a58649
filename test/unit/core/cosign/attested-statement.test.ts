// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readAttested } from '../../../../core/cosign/attested-statement.ts';
import { digestOf, hexOf } from '../../../../core/image/digest.ts';

const digest = digestOf(Buffer.from('image'));
const TYPE = 'https://example.com/scan/v1';
const ABOUT = `"subject":[{"digest":{"sha256":"${hexOf(digest)}"}}]`;
const HEAD = `"_type":"https://in-toto.io/Statement/v1",${ABOUT}`;
const deep = `${'['.repeat(100)}${']'.repeat(100)}`;

function read(text: string) {
  return readAttested(Buffer.from(text), { digest, maximumBytes: 1 << 20, source: 'tag#0' });
}

describe('readAttested', () => {
  test('gives what the statement says', () => {
    const { statement, faults } = read(`{${HEAD},"predicateType":"${TYPE}","predicate":{"a":1}}`);
    assert.deepEqual([statement, faults], [{ predicateType: TYPE, annotations: {} }, []]);
  });

  test('reads one that names a source without a digest beside the image', () => {
    const subject = `"subject":[{"uri":"git+https://example.com"},null,{"digest":{"sha256":"${hexOf(digest)}"}}]`;
    const text = `{"_type":"https://in-toto.io/Statement/v1",${subject},"predicateType":"${TYPE}"}`;
    assert.equal(read(text).statement.unreadable, undefined);
  });

  const unreadable = {
    'nests too deeply': [`{${HEAD},"predicateType":"${TYPE}","predicate":${deep}}`, TYPE, /nests deeper/],
    'has a key twice': [`{${HEAD},"predicateType":"${TYPE}","predicate":{"a":1,"a":2}}`, TYPE, /"a" twice/],
    'is of a version to come': [`{"_type":"v9",${ABOUT},"predicateType":"${TYPE}"}`, TYPE, /not an in-toto statement/],
    'has its type twice': [`{${HEAD},"predicateType":"x","predicateType":"${TYPE}"}`, '', /"predicateType" twice/],
    'has its type under the name of the definition': [`{${HEAD},"predicate_type":"${TYPE}"}`, '', /no predicateType/],
    'has its type in capitals': [`{${HEAD},"PredicateType":"${TYPE}"}`, '', /no predicateType/],
  } as const;
  for (const [what, [text, type, message]] of Object.entries(unreadable)) {
    test(`keeps one that ${what}, as a fault and as what another reader may find`, () => {
      const { statement, faults } = read(text);
      assert.equal(statement.predicateType, type);
      assert.match(statement.unreadable ?? '', message);
      assert.deepEqual(statement.annotations, {});
      assert.deepEqual(faults, [{ source: 'tag#0', message: statement.unreadable }]);
    });
  }

  const nobodys = {
    'is about another image': `{${HEAD.replace(hexOf(digest), 'f'.repeat(64))},"predicateType":"${TYPE}"}`,
    'is no JSON': 'nonsense',
    'has no type': `{${HEAD}}`,
    'has a type that is no text': `{${HEAD},"predicateType":1}`,
  };
  for (const [what, text] of Object.entries(nobodys)) {
    test(`refuses one that ${what}`, () => {
      assert.throws(() => read(text), { code: 'MalformedSignature' });
    });
  }

  test('refuses one that is too large, as what was not read', () => {
    const text = `{${HEAD},"predicateType":"${TYPE}"}${' '.repeat(1 << 20)}`;
    assert.throws(() => read(text), { code: 'ResponseTooLarge' });
  });
});
