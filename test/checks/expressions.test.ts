// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { projectFiles, read } from './sources.ts';

/** `/…/flags` where a value may stand. */
const LITERAL =
  /(?<=[=(,:;?&|]\s{0,8})\/((?:\\.|\[(?:\\.|[^\]\\\n])+\]|[^/\\\n[*])(?:\\.|\[(?:\\.|[^\]\\\n])+\]|[^/\\\n[])*)\/[a-z]*/g;
/** Nothing but a run of some characters, up to the end of the text: tried from each place of each run. */
const RUN_AT_END = /(?:^|\|)(?:\[(?:\\.|[^\]\\])+\]|\\.|[^\\^)])[+*]\$(?:$|\|)/;

test('no expression looks for a run of characters at the end of a text, which takes the square of its length', () => {
  const sources = projectFiles().filter((file) => /^(?:core|operator|webhook)\/.*\.ts$/.test(file));
  let literals = 0;
  const slow = sources.flatMap((file) =>
    [...read(file).matchAll(LITERAL)].flatMap(([, source = '']) => {
      literals += 1;
      return RUN_AT_END.test(source) ? [`${file}: /${source}/`] : [];
    }),
  );
  assert.deepEqual(slow, [], 'trimmed and trimmedEnd of core/text.ts take a character at a time');
  assert.ok(literals > 60, `${literals} expressions were found`);
});
