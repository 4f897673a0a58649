// SPDX-License-Identifier: Apache-2.0
import { isPlaceholder } from '../../../core/image/placeholder.ts';
import { formatReference, parseReference } from '../../../core/image/reference.ts';
import { imageFields, podSpecsOf } from './image-fields.ts';
import type { ImageField } from './image-fields.ts';
import { isPod } from './workloads.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { ReviewRequest } from './review.ts';
import type { Workload } from './workloads.ts';

/**
 * The fields that have to be decided about.
 *
 * On UPDATE, an image that the same container, volume or field already had is left alone: otherwise no label
 * could be edited and no finalizer removed on an object that is older than its policy, or whose registry
 * is down. That rule alone lets terminating objects go, so there is none that asks for a deletionTimestamp,
 * which a user may set on CREATE and which once let changed images through elsewhere (CVE-2023-34091).
 *
 * In a template what no Pod can start with is left to whatever fills it in, as OpenShift's image triggers do with a
 * blank: each Pod that comes of it is decided about. In a Pod nothing fills it in any more, and it is
 * refused as invalid.
 */
export function fieldsToDecide(
  row: Workload,
  request: ReviewRequest,
  fields: readonly ImageField[],
): readonly ImageField[] {
  const present = isPod(row) ? fields : fields.filter(({ image }) => !isPlaceholder(image));
  if (request.operation !== 'UPDATE' || request.oldObject === undefined) return present;
  const held = heldImages(row, request.oldObject);
  const changed = present.filter((field) => !held.get(field.slot)?.has(field.image));
  return row.immutable ? changed.map((field) => keepDigest(field, held.get(field.slot))) : changed;
}

/**
 * Where the API server allows no other image, a tag that is applied again is the digest that it was pinned to: any other
 * would be refused. That digest is verified like every other.
 */
function keepDigest(field: ImageField, held: ReadonlySet<string> = new Set()): ImageField {
  const written = tagOf(field.image);
  const keep = written && [...held].find((image) => image.startsWith(`${written}@`));
  return keep ? { ...field, image: keep, keep } : field;
}

/** The reference of a tag without a digest, fully qualified; undefined: it is none. */
function tagOf(image: string): string | undefined {
  try {
    const reference = parseReference(image);
    return reference.digest === undefined ? formatReference(reference) : undefined;
  } catch {
    return undefined;
  }
}

/** What each container, volume and field had. An old object that cannot be read exempts nothing. */
function heldImages(row: Workload, oldObject: JsonObject): ReadonlyMap<string, ReadonlySet<string>> {
  const held = new Map<string, Set<string>>();
  const podSpecs = podSpecsOf(row, oldObject);
  const fields = 'fault' in podSpecs ? podSpecs : imageFields(row, oldObject, podSpecs.value);
  if ('fault' in fields) return held;
  for (const field of fields.value) {
    const images = held.get(field.slot);
    if (images === undefined) held.set(field.slot, new Set([field.image]));
    else images.add(field.image);
  }
  return held;
}
