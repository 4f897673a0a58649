// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject } from '../../../core/json.ts';
import { WORKLOADS } from './workloads.ts';
import type { Workload } from './workloads.ts';

export type ImageList = 'containers' | 'initContainers' | 'ephemeralContainers' | 'volumes';

interface ListRow {
  readonly list: ImageList;
  readonly image: readonly [string] | readonly [string, string];
  /** An entry without an image is one of another type (a volume), not one with an empty image. */
  readonly optional: boolean;
}

/** Every list of a PodSpec whose entries name an image. Templates carry ephemeralContainers in the schema only. */
const LISTS: readonly ListRow[] = [
  { list: 'containers', image: ['image'], optional: false },
  { list: 'initContainers', image: ['image'], optional: false },
  { list: 'ephemeralContainers', image: ['image'], optional: false },
  { list: 'volumes', image: ['image', 'reference'], optional: true },
];

/** One place that names an image. All text is the user's. */
export interface ImageField {
  /** JSON pointer: `/spec/containers/0/image`. */
  readonly path: string;
  readonly list: ImageList;
  /** Of the container or volume; empty where none is given. */
  readonly name: string;
  /** Empty where none is given. */
  readonly image: string;
  /** What is to be written here in its place where it is admitted; undefined: nothing but the digest that was verified. */
  readonly keep?: string;
}

/** A shape that no API server sends; `path` as kubectl writes it. */
export interface WorkloadFault {
  readonly path: string;
  readonly message: string;
}

export type Read<T> = { readonly value: T } | { readonly fault: WorkloadFault };

/** Dotted paths of all image fields of all kinds, lists as `[]`, to compare with an OpenAPI document. */
export function imageSchemaPaths(): readonly {
  readonly apiVersion: string;
  readonly kind: string;
  readonly path: string;
}[] {
  return WORKLOADS.flatMap((row) =>
    LISTS.map(({ list, image }) => ({
      apiVersion: row.group === '' ? row.version : `${row.group}/${row.version}`,
      kind: row.kind,
      path: `${row.podSpec.join('.')}.${list}[].${image.join('.')}`,
    })),
  );
}

/** The PodSpec of an object; a missing one is a fault. */
export function podSpecOf(row: Workload, object: JsonObject): Read<JsonObject> {
  let holder = object;
  for (const [depth, field] of row.podSpec.entries()) {
    const value = holder[field];
    if (!isJsonObject(value)) return fault(row.podSpec.slice(0, depth + 1).join('.'), 'must be an object');
    holder = value;
  }
  return { value: holder };
}

/** All image fields of a PodSpec, in order. */
export function imageFields(row: Workload, podSpec: JsonObject): Read<readonly ImageField[]> {
  const fields: ImageField[] = [];
  for (const listRow of LISTS) {
    const entries = podSpec[listRow.list];
    if (entries === undefined || entries === null) continue;
    if (!Array.isArray(entries)) return fault(`${row.podSpec.join('.')}.${listRow.list}`, 'must be a list');
    for (const [index, entry] of entries.entries()) {
      const field = readEntry(row, listRow, index, entry);
      if (field === undefined) continue;
      if ('fault' in field) return field;
      fields.push(field.value);
    }
  }
  return { value: fields };
}

// oxlint-disable-next-line max-params -- where it is, and what it is
function readEntry(row: Workload, listRow: ListRow, index: number, entry: unknown): Read<ImageField> | undefined {
  const { list, image: steps, optional } = listRow;
  const at = `${row.podSpec.join('.')}.${list}[${index}]`;
  if (!isJsonObject(entry)) return fault(at, 'must be an object');
  const name = entry['name'] ?? '';
  if (typeof name !== 'string') return fault(`${at}.name`, 'must be a string');
  const image = imageOf(listRow, entry);
  if (image === undefined) return optional ? undefined : { value: { ...place(row, listRow, index), name, image: '' } };
  if (typeof image !== 'string') return fault(`${at}.${steps.join('.')}`, 'must be a string');
  return { value: { ...place(row, listRow, index), name, image } };
}

/** Undefined: none is given. Anything but a string: malformed. */
function imageOf({ image: [first, second] }: ListRow, entry: JsonObject): unknown {
  const outer = entry[first] ?? undefined;
  if (second === undefined || outer === undefined) return outer;
  // An image volume without a reference has an empty image; only one without `image` is of another type.
  return isJsonObject(outer) ? (outer[second] ?? '') : null;
}

function place(row: Workload, { list, image }: ListRow, index: number): Pick<ImageField, 'path' | 'list'> {
  return { path: `/${row.podSpec.join('/')}/${list}/${index}/${image.join('/')}`, list };
}

function fault(path: string, message: string): { readonly fault: WorkloadFault } {
  return { fault: { path, message } };
}
