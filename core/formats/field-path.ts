// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, type JsonObject } from '../json.ts';

/** Names of fields, and `EACH` for every item of the list before it: `['spec', 'steps', '*', 'image']`. */
export type FieldPath = readonly string[];

export const EACH = '*';

/** `spec.steps[*].image`. No name has a character that JSON pointers escape. */
export const FIELD_PATH_PATTERN =
  '^[A-Za-z_][A-Za-z0-9_-]*(?:\\[\\*\\])?(?:\\.[A-Za-z_][A-Za-z0-9_-]*(?:\\[\\*\\])?)*$';
const FIELD_PATH = new RegExp(FIELD_PATH_PATTERN);

/** Undefined: the text is no path. */
export function parseFieldPath(text: string): FieldPath | undefined {
  return FIELD_PATH.test(text) ? text.replaceAll('[*]', `.${EACH}`).split('.') : undefined;
}

/** A value and where it is. */
export interface FieldPlace {
  /** Neither undefined nor null. */
  readonly value: unknown;
  /** As kubectl writes it: `spec.steps[0].image`. */
  readonly path: string;
  /** JSON pointer: `/spec/steps/0/image`. */
  readonly pointer: string;
}

/** A shape that the path does not fit. */
export interface FieldFault {
  readonly path: string;
  readonly message: string;
}

/** Far more than any object has that people write. */
const MAXIMUM_PLACES = 10_000;

/**
 * What is at a path of an untrusted object, in order; empty where nothing is, or null, which Go writes for it. A value of
 * another shape than the path says is a fault: what can't be read must not look like nothing.
 */
export function placesAt(object: JsonObject, path: FieldPath): readonly FieldPlace[] | FieldFault {
  let places: readonly FieldPlace[] = [{ value: object, path: '', pointer: '' }];
  for (const step of path) {
    const next: FieldPlace[] = [];
    for (const place of places) {
      const found = step === EACH ? itemsAt(place) : fieldAt(place, step);
      if (!Array.isArray(found)) return found;
      for (const one of found) next.push(one);
      if (next.length > MAXIMUM_PLACES) return { path: place.path, message: `more than ${MAXIMUM_PLACES} values` };
    }
    places = next;
  }
  return places;
}

type Found = FieldPlace[] | FieldFault;

function fieldAt({ value: holder, path, pointer }: FieldPlace, name: string): Found {
  if (!isJsonObject(holder)) return { path, message: 'must be an object' };
  const value = Object.hasOwn(holder, name) ? (holder[name] ?? undefined) : undefined;
  if (value === undefined) return [];
  return [{ value, path: path === '' ? name : `${path}.${name}`, pointer: `${pointer}/${name}` }];
}

function itemsAt({ value: list, path, pointer }: FieldPlace): Found {
  if (!Array.isArray(list)) return { path, message: 'must be a list' };
  if (list.length > MAXIMUM_PLACES) return { path, message: `more than ${MAXIMUM_PLACES} values` };
  return list.flatMap((value: unknown, index) =>
    value === null ? [] : [{ value, path: `${path}[${index}]`, pointer: `${pointer}/${index}` }],
  );
}
