// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Histogram, Registry } from '@prometheus-io/client';
import { TalliedHistogram } from '../../../../operator/telemetry/tallied-histogram.ts';

const BOUNDS = [0.001, 0.5, 1];
const OBSERVED: readonly (readonly [webhook: string, seconds: number])[] = [
  ['/mutate', 0],
  ['/mutate', 0.001],
  ['/mutate', 0.0011],
  ['/validate "\n\\', 0.5],
  ['/mutate', 1],
  ['/mutate', 1.5],
  ['/mutate', 60],
];

test('says what the histogram of the library says, before and after something was observed', async () => {
  const ours = new Registry();
  const theirs = new Registry();
  const settings = { name: 'h', help: 'some help', labelNames: ['webhook'] };
  const tallied = new TalliedHistogram({ ...settings, registers: [ours] }, BOUNDS);
  const plain = new Histogram<string>({ ...settings, registers: [theirs], buckets: [...BOUNDS] });
  assert.equal(await ours.metrics(), await theirs.metrics());
  for (const [webhook, seconds] of OBSERVED) {
    tallied.count({ webhook }, seconds);
    plain.observe({ webhook }, seconds);
    assert.equal(await ours.metrics(), await theirs.metrics(), `${webhook} ${seconds}`);
  }
  assert.equal((await tallied.get()).values.length, 2 * (BOUNDS.length + 3));
});
