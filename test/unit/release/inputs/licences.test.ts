// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isAllowedLicence } from '../../../../release/inputs/licences.ts';

describe('licence expressions', () => {
  for (const expression of [
    'MIT',
    '(MIT)',
    '(BSD-3-Clause OR GPL-2.0)',
    'GPL-2.0 OR (MIT AND Apache-2.0)',
    'GPL-2.0 AND AGPL-3.0 OR ISC',
  ]) {
    test(`${expression} is allowed`, () => assert.ok(isAllowedLicence(expression)));
  }

  for (const expression of [
    undefined,
    '',
    'GPL-2.0',
    'mit',
    'MIT AND GPL-2.0',
    'GPL-2.0 AND MIT',
    'MIT AND (GPL-2.0 OR AGPL-3.0)',
    'SEE LICENSE IN LICENSE.md',
    'MIT OR',
    '(MIT',
    'MIT)',
    'MIT Apache-2.0',
    'Apache-2.0 WITH LLVM-exception',
  ]) {
    test(`${expression ?? 'none'} is not allowed`, () => assert.ok(!isAllowedLicence(expression)));
  }
});
