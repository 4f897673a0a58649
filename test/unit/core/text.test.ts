// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { errorText, oneLine, printable, trimmed, trimmedEnd } from '../../../core/text.ts';

describe('oneLine', () => {
  for (const [what, text, maximum, expected] of [
    ['keeps what fits', 'abc', 3, 'abc'],
    ['cuts and shows it', 'abcd', 3, 'ab…'],
    ['leaves no half of a character', 'a\u{1F600}bc', 3, 'a\uFFFD…'],
    ['replaces line breaks and escapes', 'a\r\n\u001b[2Kb\u2028c', 20, 'a???[2Kb?c'],
    ['replaces what turns text around', '\u202Egnp.exe\u2066\u200f', 20, '?gnp.exe??'],
    ['replaces what nobody sees', 'a\u200Bb\u00ADc\uFEFF\u{E0041}', 20, 'a?b?c??'],
    ['keeps other scripts', 'größe 画像', 20, 'größe 画像'],
  ] as const) {
    test(what, () => {
      assert.equal(oneLine(text, maximum), expected);
    });
  }
});

test('errorText is one capped line of what was thrown, whatever that is', () => {
  assert.equal(errorText(new Error('two\nlines \u001b[2K\u202Eb')), 'two lines ?[2K?b');
  assert.equal(errorText(new RangeError('')), 'RangeError');
  assert.equal(errorText('text'), 'text');
  assert.equal(errorText(new Error('x'.repeat(600))).length, 500);
});

test('printable puts what it is told to in the place of each character, as it stands', () => {
  assert.equal(printable('a\u0000b\u2066c'), 'a\uFFFDb\uFFFDc');
  assert.equal(printable('a\uD800b\uDC00\u{1F600}'), 'a\uFFFDb\uFFFD\u{1F600}');
  assert.equal(printable('a\u0000b', '$&'), 'a$&b');
  assert.equal(
    printable('a\u0000b', (character) => `<${character.length}>`),
    'a<1>b',
  );
});

test('trimmed leaves out characters at both ends, trimmedEnd at the end, in time that grows with the text', () => {
  assert.equal(trimmed('\0\0a\0b\0', '\0'), 'a\0b');
  assert.equal(trimmed('///', '/'), '');
  assert.equal(trimmedEnd('. a. .\n', '. \n'), '. a');
  assert.equal(trimmedEnd('', '.'), '');
  const long = `${'\0'.repeat(2_000_000)}x${'\0'.repeat(2_000_000)}x`;
  assert.equal(trimmed(long, '\0').length, 2_000_002);
});
