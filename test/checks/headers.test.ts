// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { projectFiles, read } from './sources.ts';

const HEADER = 'SPDX-License-Identifier: Apache-2.0';

test('every source file starts with its licence header', () => {
  const sources = projectFiles().filter((file) => /(\.ts|\.go|\.sh|^Makefile|^\.ci\/run)$/.test(file));
  const bare = sources.filter((file) => !read(file).split('\n', 3).join('\n').includes(HEADER));
  assert.deepEqual(bare, []);
  assert.ok(sources.length > 20, 'the sources were found');
});
