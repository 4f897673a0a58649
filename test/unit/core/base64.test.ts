// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { decodeBase64, decodeEitherBase64, decodeWrappedBase64 } from '../../../core/base64.ts';

test('wrapped base64 is read without its line breaks, and refused for anything else', () => {
  for (const text of ['Zm9vYmFy', 'Zm9v\nYmFy\n', 'Zm9v\r\nYmFy\r\n', '\nZm9vYmFy']) {
    assert.equal(Buffer.from(decodeWrappedBase64(text) ?? []).toString(), 'foobar', JSON.stringify(text));
    assert.equal(Buffer.from(decodeEitherBase64(text) ?? []).toString(), 'foobar', JSON.stringify(text));
  }
  for (const text of ['Zm9v YmFy', 'Zm9v\tYmFy', 'Zm9v\\nYmFy', 'Zg', 'Zh==\n', 'Zm9v\u2028YmFy']) {
    assert.equal(decodeWrappedBase64(text), undefined, JSON.stringify(text));
  }
});

describe('decodeBase64', () => {
  test('reads the examples of RFC 4648, section 10', () => {
    const examples = { '': '', 'Zg==': 'f', 'Zm8=': 'fo', Zm9v: 'foo', 'Zm9vYg==': 'foob', Zm9vYmFy: 'foobar' };
    for (const [encoded, text] of Object.entries(examples)) {
      assert.equal(Buffer.from(decodeBase64(encoded) ?? []).toString(), text);
    }
  });

  for (const [what, text] of [
    ['missing padding', 'Zg'],
    ['too much padding', 'Zg==='],
    ['a line break', 'Zm9v\nYmFy'],
    ['a blank', 'Zm9v '],
    ['the URL alphabet', '-_-_'],
    ['bits that mean nothing', 'Zh=='],
    ['characters outside of the alphabet', 'Zm9v!'],
    ['padding in the middle', 'Zg==Zg=='],
    ['a look-alike from beyond ASCII', 'Zm9ｖ'],
  ] as const) {
    test(`refuses ${what}`, () => assert.equal(decodeBase64(text), undefined));
  }

  test('gives no two texts for the same bytes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('Z', 'g', '9', 'v', '+', '/', '-', '_', '=', ' ', '\n') }),
        (text) => {
          const bytes = decodeBase64(text);
          if (bytes !== undefined) assert.equal(Buffer.from(bytes).toString('base64'), text);
        },
      ),
    );
  });

  test('reads back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        assert.deepEqual([...(decodeBase64(Buffer.from(bytes).toString('base64')) ?? [])], [...bytes]);
      }),
    );
  });
});

describe('decodeEitherBase64', () => {
  test('reads the four spellings that protobuf and DSSE allow', () => {
    for (const text of ['+/+/+w==', '-_-_-w==', '+/+/+w', '-_-_-w']) {
      assert.equal(Buffer.from(decodeEitherBase64(text) ?? []).toString('hex'), 'fbffbffb');
    }
  });

  for (const [what, text] of [
    ['a mixture of alphabets', '+/-_'],
    ['too little padding', 'Zg='],
    ['too much padding', 'Zg==='],
    ['padding where none belongs', 'Zm9v===='],
    ['a single character', 'Z'],
    ['bits that mean nothing', 'Zh'],
    ['characters outside of both alphabets', 'Zm9!'],
  ] as const) {
    test(`refuses ${what}`, () => assert.equal(decodeEitherBase64(text), undefined));
  }
});
