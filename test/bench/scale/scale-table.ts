// SPDX-License-Identifier: Apache-2.0
// The table of docs/explanation/scale.md: `node test/bench/scale/scale-table.ts` prints it. A test holds the document to it.
import { DEFAULT_CACHE } from '../../../core/config/types.ts';
import { replicasFor, simulate } from './simulate.ts';
import type { Assumptions, Scenario } from './simulate.ts';

/** A Pod of two containers is seen by the mutating and by the validating webhook. */
export const ASSUMPTIONS: Assumptions = {
  images: 3000,
  containersPerPod: 2,
  replicas: 3,
  pinnedReviews: 1,
  tagSeconds: DEFAULT_CACHE.tags,
  evidenceSeconds: DEFAULT_CACHE.verified,
  // A bundle; a `.sig` takes one.
  requestsPerProof: 3,
  // Measured (performance.md), the dearer of both formats, and half as much again for a slower core.
  warmCpuMilliseconds: 0.4,
  coldCpuMilliseconds: 1.8,
  seed: 1,
};

const PODS = 150_000;
/** Pods a second: `--kube-api-qps` of the controller manager, here five times its default of 20. */
const CONTROLLERS = 100;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'steady: 5 % of all Pods an hour', pods: PODS / 20, seconds: 3600, cold: false },
  { name: 'rolling restart of everything in an hour', pods: PODS, seconds: 3600, cold: false },
  { name: '1,000 nodes lost', pods: PODS / 5, seconds: PODS / 5 / CONTROLLERS, cold: false },
  { name: 'the same, all replicas new', pods: PODS / 5, seconds: PODS / 5 / CONTROLLERS, cold: true },
  { name: 'the same, controllers without a limit: a minute', pods: PODS / 5, seconds: 60, cold: true },
];

/** Rows of cells. */
export function scaleTable(): readonly (readonly string[])[] {
  return SCENARIOS.map((scenario) => {
    const { reviewsPerSecond, cores, requestsPerSecond, proofs, requests } = simulate(scenario, ASSUMPTIONS);
    return [
      scenario.name,
      whole(scenario.pods),
      whole(reviewsPerSecond),
      cores.toFixed(2),
      whole(requestsPerSecond),
      whole(requests),
      whole(proofs),
      String(replicasFor({ cores })),
    ];
  });
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

if (import.meta.main) for (const row of scaleTable()) console.log(`| ${row.join(' | ')} |`);
