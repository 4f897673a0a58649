// SPDX-License-Identifier: Apache-2.0
import { placesAt, type FieldFault, type FieldPath, type FieldPlace } from '../../../core/formats/field-path.ts';
import { isJsonObject } from '../../../core/json.ts';
import type { JsonObject } from '../../../core/json.ts';
import { WORKLOADS } from './workloads.ts';
import type { Workload } from './workloads.ts';

type PodSpecList = 'containers' | 'initContainers' | 'ephemeralContainers' | 'volumes';

/** A list of a PodSpec, or `fields`, which stand alone. */
export type ImageList = PodSpecList | 'fields';

interface ListRow {
  readonly list: PodSpecList;
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
  /** What it is known by from one version of the object to the next. */
  readonly slot: string;
  readonly list: ImageList;
  /** Of the container or volume, empty where none is given; of a field its path. */
  readonly name: string;
  /** Empty where none is given. */
  readonly image: string;
  /** What is to be written here in its place where it is admitted; undefined: nothing but the digest that was verified. */
  readonly keep?: string;
}

/** A shape that no API server sends; `path` as kubectl writes it. */
export type WorkloadFault = FieldFault;

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

/** Where a PodSpec is. */
export interface PodSpecPlace extends FieldPlace {
  readonly value: JsonObject;
}

/** The PodSpecs of an object. A missing one is a fault, unless its kind can do without. */
export function podSpecsOf({ podSpec, optional }: Workload, object: JsonObject): Read<readonly PodSpecPlace[]> {
  if (podSpec === undefined) return { value: [] };
  const places = placesAt(object, podSpec);
  if ('message' in places) return { fault: places };
  if (places.length === 0 && !optional) return fault(podSpec.join('.'), 'must be an object');
  const podSpecs: PodSpecPlace[] = [];
  for (const { value, path, pointer } of places) {
    if (!isJsonObject(value)) return fault(path, 'must be an object');
    podSpecs.push({ value, path, pointer });
  }
  return { value: podSpecs };
}

/** All image fields of an object, in order: those of its PodSpecs, then those that stand alone. */
export function imageFields(
  row: Workload,
  object: JsonObject,
  podSpecs: readonly PodSpecPlace[],
): Read<readonly ImageField[]> {
  const fields: ImageField[] = [];
  for (const podSpec of podSpecs) {
    const failed = addPodSpecFields(fields, podSpec);
    if (failed) return failed;
  }
  for (const path of row.images) {
    const failed = addSingleFields(fields, object, path);
    if (failed) return failed;
  }
  return { value: fields };
}

type Fault = { readonly fault: WorkloadFault };

function addPodSpecFields(fields: ImageField[], podSpec: PodSpecPlace): Fault | undefined {
  for (const listRow of LISTS) {
    const entries = podSpec.value[listRow.list];
    if (entries === undefined || entries === null) continue;
    if (!Array.isArray(entries)) return fault(`${podSpec.path}.${listRow.list}`, 'must be a list');
    for (let index = 0; index < entries.length; index += 1) {
      const field = readEntry(podSpec, listRow, index, entries[index]);
      if (field === undefined) continue;
      if ('fault' in field) return field;
      fields.push(field.value);
    }
  }
  return undefined;
}

/** An image that is in no list of a PodSpec is known by where it is. */
function addSingleFields(fields: ImageField[], object: JsonObject, fieldPath: FieldPath): Fault | undefined {
  const places = placesAt(object, fieldPath);
  if ('message' in places) return { fault: places };
  for (const { value: image, path, pointer } of places) {
    if (typeof image !== 'string') return fault(path, 'must be a string');
    fields.push({ path: pointer, slot: pointer, list: 'fields', name: path, image });
  }
  return undefined;
}

// oxlint-disable-next-line max-params -- where it is, and what it is
function readEntry(
  podSpec: PodSpecPlace,
  listRow: ListRow,
  index: number,
  entry: unknown,
): Read<ImageField> | undefined {
  const { list, image: steps, optional } = listRow;
  // Only a fault needs it.
  const at = (): string => `${podSpec.path}.${list}[${index}]`;
  if (!isJsonObject(entry)) return fault(at(), 'must be an object');
  const name = entry['name'] ?? '';
  if (typeof name !== 'string') return fault(`${at()}.name`, 'must be a string');
  const image = imageOf(listRow, entry);
  if (image === undefined && optional) return undefined;
  if (image !== undefined && typeof image !== 'string') return fault(`${at()}.${steps.join('.')}`, 'must be a string');
  const listPointer = `${podSpec.pointer}/${list}/`;
  const path = `${listPointer}${index}/${steps.length === 1 ? steps[0] : steps.join('/')}`;
  // The list's own name has no slash, so two slots never share a key.
  return { value: { path, slot: listPointer + name, list, name, image: image ?? '' } };
}

/** Undefined: none is given. Anything but a string: malformed. */
function imageOf({ image: [first, second] }: ListRow, entry: JsonObject): unknown {
  const outer = entry[first] ?? undefined;
  if (second === undefined || outer === undefined) return outer;
  // An image volume without a reference has an empty image; only one without `image` is of another type.
  return isJsonObject(outer) ? (outer[second] ?? '') : null;
}

function fault(path: string, message: string): Fault {
  return { fault: { path, message } };
}
