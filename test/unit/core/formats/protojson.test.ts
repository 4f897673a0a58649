// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseProtojson } from '../../../../core/formats/protojson.ts';

const parse = (value: unknown): unknown => parseProtojson(Buffer.from(JSON.stringify(value)), 1024, 'the message');

describe("fields of protobuf's JSON", () => {
  test('may have the names of their definition', () => {
    const written = { media_type: 'a', tlog_entries: [{ log_id: { key_id: 'b' } }], rfc3161_timestamps: [] };
    assert.deepEqual(parse(written), {
      mediaType: 'a',
      tlogEntries: [{ logId: { keyId: 'b' } }],
      rfc3161Timestamps: [],
    });
  });

  test('keep every other name, which is then unknown', () => {
    const odd = { MediaType: 1, media_Type: 2, _mediaType: 3, media__type: 4, media_type_: 5, 'media-type': 6, a1: 7 };
    assert.deepEqual(parse(odd), odd);
  });

  test('are absent where they are null, but not in a list', () => {
    assert.deepEqual(parse({ a: null, b: { c: null, d: [null] } }), { b: { d: [null] } });
  });

  test('are refused under both names, whatever they hold', () => {
    for (const [first, second] of [
      [1, 1],
      [1, null],
      [null, 1],
    ] as const) {
      assert.throws(() => parse({ x: { mediaType: first, media_type: second } }), {
        code: 'MalformedSignature',
        message: 'the message has the field mediaType twice',
      });
    }
  });

  test('are those of JSON that no two readers read otherwise', () => {
    assert.throws(() => parseProtojson(Buffer.from('{"a":1,"a":2}'), 1024, 'the message'), /"a" twice/);
    assert.throws(() => parseProtojson(Buffer.from('{"a":1}'), 6, 'the message'), { code: 'ResponseTooLarge' });
  });
});
