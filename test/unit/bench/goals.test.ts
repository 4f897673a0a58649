// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isMet, stateOf } from '../../bench/goals.ts';

const goal = { what: 'trips', goal: 2, unit: 'trips' };

describe('a goal', () => {
  test('is met up to its bound, and said to be', () => {
    assert.deepEqual([stateOf({ ...goal, measured: 2 }), isMet({ ...goal, measured: 2 })], ['met', true]);
  });

  test('is missed above it', () => {
    assert.deepEqual([stateOf({ ...goal, measured: 2.01 }), isMet({ ...goal, measured: 2.01 })], ['MISSED', false]);
  });

  test('is not called met where only a tolerance keeps the run from failing', () => {
    const within = { ...goal, measured: 2.3, tolerance: 1.25 };
    assert.deepEqual([stateOf(within), isMet(within)], ['within tolerance', true]);
    assert.equal(stateOf({ ...within, measured: 2.51 }), 'MISSED');
  });

  test('is missed where nothing was measured', () => {
    assert.equal(stateOf({ ...goal, measured: NaN }), 'MISSED');
  });

  test('is neither met nor missed where what it is measured beside was not given', () => {
    assert.deepEqual(
      [stateOf({ ...goal, measured: undefined }), isMet({ ...goal, measured: undefined })],
      ['not given', true],
    );
  });
});
