// SPDX-License-Identifier: Apache-2.0
import type { EngineMetrics } from '../observe.ts';

const MAXIMUM_REGISTRIES = 100;

/** Images name registries freely; without a bound every made-up host would be a time series for ever. */
export function boundedLabels(metrics: EngineMetrics): Pick<EngineMetrics, 'registryRequest'> {
  const known = new Set<string>();
  return {
    registryRequest(labels) {
      const { registry } = labels;
      if (!known.has(registry) && known.size >= MAXIMUM_REGISTRIES) {
        return metrics.registryRequest({ ...labels, registry: 'other' });
      }
      known.add(registry);
      metrics.registryRequest(labels);
    },
  };
}
