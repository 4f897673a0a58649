// SPDX-License-Identifier: Apache-2.0
import { boundedNames, type EngineMetrics } from '../observe.ts';

const MAXIMUM_REGISTRIES = 100;

/** Images name registries freely. */
export function boundedLabels(metrics: EngineMetrics): Pick<EngineMetrics, 'registryRequest'> {
  const bounded = boundedNames(MAXIMUM_REGISTRIES);
  return {
    registryRequest: (labels) => metrics.registryRequest({ ...labels, registry: bounded(labels.registry) }),
  };
}
