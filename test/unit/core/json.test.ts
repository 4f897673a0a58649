// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, isTextMap, parseJson, parseJsonObject, parseStrictly, textEntries } from '../../../core/json.ts';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { EngineError } from '../../../core/errors.ts';

const parse = (text: string | Uint8Array, maximum = 1 << 20) => parseJson(Buffer.from(text), maximum, 'the text');

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

const many = Array.from({ length: 20 }, (_, index) => `"k${index}":0,`).join('');

describe('parseJson', () => {
  test('reads what JSON.parse reads where no object has a key twice', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const expected: unknown = JSON.parse(text);
        if (text.includes('__proto__')) return;
        assert.deepEqual(parse(text), expected);
      }),
    );
  });

  test('throws an EngineError and nothing else for any bytes', () => {
    const fragment = fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', '"a"', '1', 'null', ' ');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: fragment }), fc.uint8Array()), (bytes) => {
        try {
          parse(bytes);
        } catch (error) {
          assert.ok(error instanceof EngineError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('refuses a small text that would take a large part of the memory, before it is parsed', () => {
    const most = 4 << 20;
    for (const element of ['{}', '[]', '[[]]', '0', '""']) {
      const text = `[${`${element},`.repeat(most / (element.length + 1) - 2)}0]`;
      const before = process.memoryUsage().heapUsed;
      assert.throws(() => parse(text, most), { code: 'ResponseTooLarge', message: /holds more than \d+ / }, element);
      assert.equal(parseJsonObject(Buffer.from(`{"a":${text}}`)), undefined, element);
      assert.ok(process.memoryUsage().heapUsed - before < 16 << 20, element);
    }
  });

  test('reads what an SBOM holds', () => {
    const component = {
      name: 'libc6',
      version: '2.41-12',
      purl: 'pkg:deb/debian/libc6@2.41-12',
      licenses: [{}],
      hashes: [{ alg: 'SHA-256' }],
    };
    const text = JSON.stringify(Array.from({ length: 30_000 }, () => component));
    assert.deepEqual(parse(text, 4 << 20), JSON.parse(text));
  });

  for (const [what, text] of [
    ['twice', '{"a":1,"a":2}'],
    ['in two spellings', String.raw`{"a":1,"\u0061":2}`],
    ['twice, deep inside', '[{"x":[{"b":[],"c":{},"b":"}"}]}]'],
    ['after a nested object', '{"a":{"b":1},"a":2}'],
    ['after a nested array', '{"a":[1,"x"],"a":2}'],
    ['twice, the first and the last of many', `{${many}"k0":0}`],
    ['twice, the last two of many', `{${many}"z":0,"z":0}`],
    ['whose text ends in a backslash', String.raw`{"a\\":"\\","a\\":1}`],
  ] as const) {
    test(`refuses a key ${what}`, () => {
      assert.throws(() => parse(text), { code: 'MalformedSignature', message: /twice in one object/ });
    });
  }

  for (const text of [
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '["a","a"]',
    '{"a":"a","b":"a"}',
    String.raw`{"a":"\",\"a\":","b":1}`,
    '{"a":1,"A":2}',
    '{"constructor":1,"toString":2}',
  ]) {
    test(`reads ${text}, in which no key is twice in one object`, () => {
      assert.deepEqual(parse(text), JSON.parse(text));
    });
  }

  test('refuses the key __proto__ in any spelling', () => {
    for (const text of ['{"__proto__":{"a":1}}', String.raw`{"\u005f_proto__":1}`]) {
      assert.throws(() => parse(text), { code: 'MalformedSignature', message: /__proto__/ });
    }
  });

  test('refuses what is not UTF-8, and a byte order mark', () => {
    assert.throws(() => parse(Uint8Array.from([0x22, 0xff, 0x22])), { message: 'the text is not valid UTF-8' });
    assert.throws(() => parse(Uint8Array.from([0xef, 0xbb, 0xbf, 0x31])), { message: 'the text is not JSON' });
  });

  test('refuses more bytes than allowed before it looks at them', () => {
    assert.deepEqual(parse('[1]', 3), [1]);
    assert.throws(() => parse('[1] ', 3), { code: 'ResponseTooLarge', message: 'the text is larger than 3 bytes' });
  });

  test('refuses more than 64 levels, also a hundred thousand', () => {
    assert.doesNotThrow(() => parse(nested(64)));
    assert.throws(() => parse(nested(65)), { message: /deeper than 64/ });
    assert.throws(() => parse(nested(100_000)), { message: /deeper than 64/ });
  });

  test('does not quote the text in its errors', () => {
    assert.throws(() => parse('{"secret'), { message: 'the text is not JSON' });
  });

  test('stays linear in backslashes and quotes', () => {
    const million = parse(`{"a":"${String.raw`\\`.repeat(400_000)}","b":"${String.raw`\"`.repeat(100_000)}"}`, 1 << 21);
    assert.ok(isJsonObject(million));
  });
});

function strictly(bytes: Uint8Array) {
  const document = parseJsonObject(bytes);
  assert.ok(document);
  return { document, read: () => parseStrictly({ bytes, document }, 1000, 'the text') };
}

describe('JSON that was parsed before', () => {
  test('is not parsed again', () => {
    const { document, read } = strictly(Buffer.from('{"a":[1]}'));
    assert.equal(read(), document);
  });

  for (const [what, bytes] of [
    ['has a key twice', Buffer.from('{"a":1,"a":2}')],
    ['has the key __proto__', Buffer.from('{"__proto__":1}')],
    ['nests too deep', Buffer.from(`{"a":${nested(64)}}`)],
    ['is not valid UTF-8', Buffer.from('{"a":"\xff"}', 'latin1')],
    ['is too large', Buffer.from(`{"a":"${'a'.repeat(1000)}"}`)],
  ] as const) {
    test(`is refused all the same where it ${what}`, () => {
      assert.throws(strictly(bytes).read, EngineError);
    });
  }
});

describe('JSON values', () => {
  test('are objects only where they are neither null nor arrays', () => {
    assert.deepEqual([{}, [], null, 'a', 1, undefined].map(isJsonObject), [true, false, false, false, false, false]);
  });

  test('are text maps only where each value is a text', () => {
    assert.deepEqual([{}, { a: 'b' }, { a: 1 }, ['a']].map(isTextMap), [true, true, false, false]);
  });

  test('give their texts and leave out the rest', () => {
    assert.deepEqual(textEntries({ a: 'b', c: 1, d: null, e: { f: 'g' } }), { a: 'b' });
    assert.deepEqual(textEntries(['a']), {});
  });
});
