// SPDX-License-Identifier: Apache-2.0
import type { Ajv, AnySchemaObject } from 'ajv';
import { isJsonObject } from '../../json.ts';
import type { JsonObject } from '../../json.ts';
import { subschemaPlaces } from './subschemas.ts';

/** A keyword of ours in each subschema, with what applying that once may cost. */
export const SCHEMA_STEPS = 'x-cosignet-steps';

type Spend = (steps: number) => void;

/** Characters that one step compares or reads. */
const CHARACTERS = 8;

/** What ajv generates calls this wherever it applies a subschema to a value, however references lead there. */
export function registerMeter(ajv: Ajv, spend: Spend): void {
  ajv.addKeyword({
    keyword: SCHEMA_STEPS,
    schemaType: 'number',
    before: '$ref',
    validate: (steps: number, data: unknown) => {
      spend(steps + sizeOf(data));
      return true;
    },
  });
}

/** A copy in which each subschema has its meter. */
export function meterSubschemas(schema: JsonObject): AnySchemaObject {
  const copy: Record<string, unknown> = { ...schema, [SCHEMA_STEPS]: ownSteps(schema) };
  for (const [keyword, inner] of Object.entries(schema)) {
    copy[keyword] = subschemaPlaces(keyword, inner, (subschema) => meterSubschemas(subschema));
  }
  return copy;
}

/** Spends for a text that was made of an item, and gives it back. */
export function spendItems(text: string, spend: Spend): string {
  spend(1 + Math.ceil(text.length / CHARACTERS));
  return text;
}

/** Each keyword once; values to compare with (`enum`, `const`, `required`) by their length. */
function ownSteps(schema: JsonObject): number {
  const values = Object.values(schema).reduce<number>(
    (sum, value) => sum + (isJsonObject(value) ? Object.keys(value).length : lengthOf(value)),
    0,
  );
  const compared = [schema['enum'], schema['const']].filter((value) => value !== undefined);
  return 1 + Object.keys(schema).length + values + Math.ceil(JSON.stringify(compared).length / CHARACTERS);
}

function sizeOf(data: unknown): number {
  if (isJsonObject(data)) return 2 * Object.keys(data).length;
  return Array.isArray(data) ? data.length : Math.ceil(lengthOf(data) / CHARACTERS);
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || Array.isArray(value) ? value.length : 0;
}
