// SPDX-License-Identifier: Apache-2.0
import type { WorkloadConfiguration } from '../../core/config/types.ts';

/**
 * The entry of the configuration for an object of a manifest, whatever its version. Manifests name a kind where clusters
 * name a resource, so each plural that a kind can have counts.
 */
export function configuredWorkload(
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  workloads: readonly WorkloadConfiguration[],
): WorkloadConfiguration | undefined {
  const [group = ''] = apiVersion.split('/', 1);
  const plurals = pluralsOf(kind.toLowerCase());
  return workloads.find((workload) => workload.group === group && plurals.includes(workload.resource));
}

function pluralsOf(kind: string): readonly string[] {
  return [kind, `${kind}s`, `${kind}es`, kind.replace(/y$/, 'ies')];
}
