// SPDX-License-Identifier: Apache-2.0
// What the image and the chart make of memory, for processes that are measured without them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { ENVIRONMENT, FRUGAL } from '../../release/image.ts';

/** Variables of the allocator. */
export const ALLOCATOR: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ENVIRONMENT).filter(([name]) => name.startsWith('MALLOC_')),
);

interface ChartValues {
  readonly resources: { readonly limits: { readonly memory: string } };
}

/**
 * In a container V8 bounds its old generation by half of the memory limit, and collects early: the smaller the bound,
 * the less a heap may grow between collections. A benchmark has no container, so it says what the chart's limit comes to.
 */
export function heapFlags(): readonly string[] {
  const file = path.resolve(import.meta.dirname, '../../helm/values.yaml');
  const values: ChartValues = parse(readFileSync(file, 'utf8'));
  const limit = /^(\d+)Mi$/.exec(values.resources.limits.memory)?.[1];
  if (limit === undefined) throw new Error('helm/values.yaml: resources.limits.memory is not in Mi');
  return [...FRUGAL, `--max-old-space-size=${Number(limit) / 2}`];
}
