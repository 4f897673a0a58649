// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compatibilityPage, writtenPage } from '../field/table.ts';

test('docs/reference/compatibility.md says what the rows of test/field say', async () => {
  assert.equal(writtenPage(), await compatibilityPage(), 'node test/field/table.ts --write renews it');
});
