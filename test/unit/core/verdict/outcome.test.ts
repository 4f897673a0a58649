// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { factsOf, VERDICT_CODES } from '../../../../core/verdict-codes.ts';
import { strictest, strictestMode } from '../../../../core/verdict/outcome.ts';

/** What could not be read; all else was read, and allowed or denied. */
const ERRORS: ReadonlySet<string> = new Set([
  'PolicyStale',
  'KeyUnavailable',
  'RunningImageUnknown',
  'EvaluationTimeout',
  'TrustRootUnavailable',
  'RegistryUnauthorized',
  'RegistryRateLimited',
  'RegistryUnavailable',
  'ResponseTooLarge',
  'DeadlineExceeded',
  'InternalError',
]);

describe('the outcome of a code', () => {
  for (const code of VERDICT_CODES) {
    test(`says of ${code} what it means`, () => {
      const allowed = code === 'Verified' || code === 'AllowedByPolicy';
      const refused = ERRORS.has(code) ? 'error' : 'denied';
      assert.equal(factsOf(code).outcome, allowed ? 'allowed' : refused);
    });
  }
});

describe('strictest', () => {
  test('is Enforce before Warn before Audit, in any order', () => {
    const [enforce, warn, audit] = [{ mode: 'Enforce' }, { mode: 'Warn' }, { mode: 'Audit' }] as const;
    assert.equal(strictest([audit, warn, enforce]), enforce);
    assert.equal(strictest([enforce, warn, audit]), enforce);
    assert.equal(strictest([audit, warn]), warn);
    assert.equal(strictest([warn, audit]), warn);
    assert.equal(strictest([]), undefined);
  });

  test('is the first of equals', () => {
    const items = [
      { mode: 'Warn', name: 'a' },
      { mode: 'Warn', name: 'b' },
    ] as const;
    assert.equal(strictest(items), items[0]);
  });

  test('has the mode Enforce where there is nothing', () => {
    assert.equal(strictestMode([]), 'Enforce');
    assert.equal(strictestMode([{ mode: 'Audit' }]), 'Audit');
  });
});
