// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { silentMetrics } from '../../../../core/observe.ts';
import { boundedLabels } from '../../../../core/registry/metric-labels.ts';

describe('boundedLabels', () => {
  test('counts the hundred and first registry and all after it as one', () => {
    const seen: string[] = [];
    const metrics = boundedLabels({ ...silentMetrics, registryRequest: ({ registry }) => void seen.push(registry) });
    const count = (registry: string) => metrics.registryRequest({ registry, operation: 'blob', status: '200' });
    for (let index = 0; index < 102; index += 1) count(`r${index}.example`);
    count('r0.example');
    assert.deepEqual(seen.slice(98), ['r98.example', 'r99.example', 'other', 'other', 'r0.example']);
  });
});
