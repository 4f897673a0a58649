// SPDX-License-Identifier: Apache-2.0
import type { CrdSchema } from '../../../crds/crd-schema.ts';

/** One field with a value that its definition does not allow. */
export interface WrongValue {
  /** As the API server names it: `spec.keys[0].pem`. */
  readonly path: string;
  readonly what: string;
  /** A spec in which nothing but this matters. */
  readonly spec: unknown;
  /** Parts of what has to be said of the field: all that is allowed. */
  readonly says: readonly string[];
}

interface Place {
  readonly path: string;
  readonly specWith: (value: unknown) => unknown;
}

/** What no field is called. */
const UNKNOWN = 'notThere';
const OF_ANOTHER_TYPE: Readonly<Record<string, unknown>> = { string: 7, integer: 'x', array: 'x', object: 'x' };

/** For each field below `schema` a value of another type, one that is too long, too short, too many, unknown, and so on. */
export function wrongValues(schema: CrdSchema): readonly WrongValue[] {
  return wrongAt(schema, { path: 'spec', specWith: (value) => value });
}

function wrongAt(schema: CrdSchema, place: Place): readonly WrongValue[] {
  const { type, format } = schema;
  const wrong = (what: string, value: unknown, ...says: readonly string[]): WrongValue => ({
    path: place.path,
    what,
    spec: place.specWith(value),
    says,
  });
  const own = [
    wrong('another type', OF_ANOTHER_TYPE[type], `must be of type ${type === 'string' ? (format ?? type) : type}`),
    ...(type === 'string' ? wrongTexts(schema, wrong) : []),
    ...(type === 'integer' ? wrongNumbers(schema, wrong) : []),
    ...(type === 'array' ? wrongLists(schema, wrong) : []),
    ...(type === 'object' ? wrongObjects(schema, place, wrong) : []),
  ];
  return [...own, ...within(schema, place)];
}

function within({ properties = {}, items, additionalProperties }: CrdSchema, { path, specWith }: Place) {
  return [
    ...Object.entries(properties).flatMap(([name, field]) =>
      wrongAt(field, { path: `${path}.${name}`, specWith: (value) => specWith({ [name]: value }) }),
    ),
    ...(items ? wrongAt(items, { path: `${path}[0]`, specWith: (value) => specWith([value]) }) : []),
    ...(additionalProperties
      ? wrongAt(additionalProperties, { path: `${path}.key`, specWith: (value) => specWith({ key: value }) })
      : []),
  ];
}

type Wrong = (what: string, value: unknown, ...says: readonly string[]) => WrongValue;

function wrongTexts({ minLength, maxLength, enum: values, format, pattern }: CrdSchema, wrong: Wrong) {
  return [
    ...(minLength === undefined ? [] : [wrong('empty', '', `at least ${minLength} chars long`)]),
    ...(maxLength === undefined
      ? []
      : [wrong('too long', 'a'.repeat(maxLength + 1), `may not be more than ${maxLength} bytes`)]),
    ...(values === undefined ? [] : [wrong('another text', 'Other', ...values.map((value) => `"${value}"`))]),
    ...(format === undefined ? [] : [wrong('no time', 'soon', `must be of type ${format}`)]),
    ...(pattern === undefined ? [] : [wrong('other characters', '- -', pattern)]),
  ];
}

function wrongNumbers({ minimum, maximum }: CrdSchema, wrong: Wrong) {
  return [
    ...(minimum === undefined ? [] : [wrong('too small', minimum - 1, `greater than or equal to ${minimum}`)]),
    ...(maximum === undefined ? [] : [wrong('too large', maximum + 1, `less than or equal to ${maximum}`)]),
  ];
}

function wrongLists({ minItems, maxItems }: CrdSchema, wrong: Wrong) {
  return [
    ...(minItems === undefined ? [] : [wrong('empty', [], `at least ${minItems} items`)]),
    ...(maxItems === undefined
      ? []
      : [
          wrong(
            'too many',
            Array.from({ length: maxItems + 1 }, () => ({})),
            `at most ${maxItems} items`,
          ),
        ]),
  ];
}

function wrongObjects({ maxProperties, required = [], properties }: CrdSchema, { path }: Place, wrong: Wrong) {
  return [
    ...(maxProperties === undefined
      ? []
      : [wrong('too many', manyEntries(maxProperties + 1), `at most ${maxProperties} items`)]),
    ...required.map((name) => ({ ...wrong(`without ${name}`, {}, 'Required value'), path: `${path}.${name}` })),
    ...(properties === undefined
      ? []
      : [wrong('an unknown field', { [UNKNOWN]: 1 }, `unknown field "${path}.${UNKNOWN}"`)]),
  ];
}

function manyEntries(number: number): object {
  return Object.fromEntries(Array.from({ length: number }, (_, index) => [`k${index}`, 'v']));
}
