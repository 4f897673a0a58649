// SPDX-License-Identifier: Apache-2.0
import { parseFieldPath, type FieldPath } from '../formats/field-path.ts';
import type { PathSegment } from './faults.ts';
import type { WorkloadConfiguration } from './types.ts';

/** Paths as text. */
export type WrittenWorkload = Pick<WorkloadConfiguration, 'group' | 'version' | 'resource'> & {
  readonly podSpec?: string;
  readonly images?: readonly string[];
};

/** The schema has seen the paths. */
export function completeWorkload({ podSpec, images = [], ...written }: WrittenWorkload): WorkloadConfiguration {
  return { ...written, ...(podSpec !== undefined && { podSpec: pathOf(podSpec) }), images: images.map(pathOf) };
}

export function resourceIdOf({ group, resource }: Pick<WorkloadConfiguration, 'group' | 'resource'>): string {
  return `${resource}.${group}`;
}

/** What a schema can't say. */
export function workloadFaults(
  workloads: readonly WrittenWorkload[],
): readonly { readonly segments: readonly PathSegment[]; readonly message: string }[] {
  return workloads.flatMap(({ podSpec, images }, index) =>
    (podSpec === undefined) === (images === undefined)
      ? [{ segments: ['workloads', index], message: 'needs exactly one of podSpec and images' }]
      : [],
  );
}

function pathOf(text: string): FieldPath {
  const path = parseFieldPath(text);
  if (path === undefined) throw new Error(`${text} is no path`);
  return path;
}
