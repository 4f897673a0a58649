// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../json.ts';
import type { JsonObject } from '../../json.ts';

/** Keywords that hold one schema (JSON Schema 2020-12, core, 10 and 11; draft-07, 6). */
const ONE = [
  'additionalItems',
  'additionalProperties',
  'contains',
  'else',
  'if',
  'items',
  'not',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
];
const LISTS = ['allOf', 'anyOf', 'items', 'oneOf', 'prefixItems'];
const MAPS = ['$defs', 'definitions', 'dependencies', 'dependentSchemas', 'patternProperties', 'properties'];

/** The schemas directly inside of a schema, with their steps in a JSON pointer. Values (`enum`, `const`) are none. */
export function subschemasOf(schema: JsonObject): readonly (readonly [string, JsonObject])[] {
  const ones = ONE.map((keyword) => [keyword, schema[keyword]] as const);
  const lists = LISTS.flatMap((keyword) => inside(keyword, schema[keyword], Array.isArray));
  const maps = MAPS.flatMap((keyword) => inside(keyword, schema[keyword], isJsonObject));
  return [...ones, ...lists, ...maps].filter((entry): entry is readonly [string, JsonObject] => isJsonObject(entry[1]));
}

function inside(
  keyword: string,
  value: unknown,
  holds: (value: unknown) => boolean,
): readonly (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || !holds(value)) return [];
  return Object.entries(value).map(([key, inner]) => [
    `${keyword}/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`,
    inner,
  ]);
}

/** The value of a keyword with each schema directly inside of it replaced. */
export function subschemaPlaces(keyword: string, value: unknown, replace: (schema: JsonObject) => unknown): unknown {
  const replaced = (inner: unknown) => (isJsonObject(inner) ? replace(inner) : inner);
  if (LISTS.includes(keyword) && Array.isArray(value)) return value.map(replaced);
  if (MAPS.includes(keyword) && isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, replaced(inner)]));
  }
  return ONE.includes(keyword) ? replaced(value) : value;
}
