// SPDX-License-Identifier: Apache-2.0
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { oneLine } from '../../../core/text.ts';

describe('oneLine', () => {
  for (const [what, text, maximum, expected] of [
    ['keeps what fits', 'abc', 3, 'abc'],
    ['cuts and shows it', 'abcd', 3, 'ab…'],
    ['leaves no half of a character', 'a\u{1F600}bc', 3, 'a\uFFFD…'],
    ['replaces line breaks and escapes', 'a\r\n\u001b[2Kb\u2028c', 20, 'a???[2Kb?c'],
    ['replaces what turns text around', '\u202Egnp.exe\u2066\u200f', 20, '?gnp.exe??'],
    ['keeps other scripts', 'größe 画像', 20, 'größe 画像'],
  ] as const) {
    test(what, () => {
      assert.equal(oneLine(text, maximum), expected);
    });
  }
});
