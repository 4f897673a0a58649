// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { growthOf, slopeOf } from '../../bench/load/soak-samples.ts';
import type { Sample } from '../../bench/load/soak-samples.ts';

const MINUTE = 60_000;

/** Two samples a minute for an hour. */
function samplesOf(resident: (minute: number) => number): readonly Sample[] {
  return Array.from({ length: 120 }, (_, index) => ({
    at: (index * MINUTE) / 2,
    values: { 'resident, MiB': resident(index / 2), 'registry requests': index },
  }));
}

function grown(samples: readonly Sample[]): { readonly growth: number; readonly within: boolean } {
  const [measure] = growthOf(samples, 20 * MINUTE).measures;
  assert.equal(measure?.name, 'resident, MiB');
  return { growth: measure.growth, within: measure.growth <= (measure.allowed ?? Infinity) };
}

const sawtooth = (minute: number): number => 100 + 50 * (minute % 1) + (minute % 7 === 0 ? 1 : 0);

describe('the growth of a soak', () => {
  test('is the slope of the line that fits best', () => {
    const points = [
      { at: 0, value: 1 },
      { at: 1, value: 2 },
      { at: 2, value: 6 },
    ];
    assert.equal(slopeOf(points).toFixed(6), '2.500000');
  });

  test('is found where memory leaks half a MiB a minute', () => {
    const { growth, within } = grown(samplesOf((minute) => 100 + minute / 2));
    assert.ok(growth > 19 && growth < 20.5, String(growth));
    assert.equal(within, false);
  });

  test('is none where garbage comes and goes', () => {
    assert.equal(grown(samplesOf(sawtooth)).within, true);
  });

  test('does not count what fills up before the warm-up ends', () => {
    assert.deepEqual(grown(samplesOf((minute) => Math.min(100, 5 * minute))), { growth: 0, within: true });
  });

  test('is no pass where nothing was measured', () => {
    assert.equal(grown(samplesOf(() => NaN)).within, false);
  });

  test('has no bound where a figure is meant to grow', () => {
    const requests = growthOf(
      samplesOf(() => 100),
      20 * MINUTE,
    ).measures[1];
    assert.deepEqual([requests?.name, requests?.allowed], ['registry requests', undefined]);
  });
});
