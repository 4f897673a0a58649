// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEvidenceAllowance } from '../../../../core/cosign/allowance.ts';

const spent = { code: 'ResponseTooLarge' };

test('a piece that has to be read again is paid for once, another of the same size is not', () => {
  const allowance = createEvidenceAllowance({ evidenceBytes: 100, candidates: 1 });
  allowance.take(60, 'a');
  allowance.take(60, 'a');
  assert.throws(() => allowance.take(60, 'b'), spent);
  allowance.take(40, 'c');
  allowance.addCandidate('a');
  allowance.addCandidate('a');
  assert.throws(() => allowance.addCandidate('b'), spent);
});
