// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { mutantsOf } from '../mutation/mutants.ts';
import { SUBJECTS } from '../mutation/plan.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('each source that decides has tests that are held against its mutants, and those are there', () => {
  assert.ok(SUBJECTS.length > 80);
  for (const { source, tests } of SUBJECTS) {
    for (const file of tests.flat()) assert.ok(existsSync(path.join(ROOT, file)), `${source}: ${file} is not there`);
    const untested = tests.length === 0 && mutantsOf(readFileSync(path.join(ROOT, source), 'utf8')).length > 0;
    assert.ok(!untested, `${source} has no test`);
  }
});
