// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EXIT, exitCodeOf, worstOf } from '../../../../cli/output/exit.ts';

describe('exit codes', () => {
  test('follow the outcome, and wrong input is told from a denial', () => {
    assert.equal(exitCodeOf({ outcome: 'allowed', code: 'Verified' }), 0);
    assert.equal(exitCodeOf({ outcome: 'denied', code: 'NoSignature' }), 1);
    assert.equal(exitCodeOf({ outcome: 'denied', code: 'InvalidReference' }), 2);
    assert.equal(exitCodeOf({ outcome: 'error', code: 'RegistryUnavailable' }), 3);
  });

  test('of several images give the worst; 0 only where all are allowed', () => {
    assert.equal(worstOf([EXIT.allowed, EXIT.allowed]), 0);
    assert.equal(worstOf([EXIT.allowed, EXIT.denied, EXIT.allowed]), 1);
    assert.equal(worstOf([EXIT.denied, EXIT.undecided]), 3);
    assert.equal(worstOf([EXIT.usage, EXIT.denied]), 2);
  });
});
