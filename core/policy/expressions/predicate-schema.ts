// SPDX-License-Identifier: Apache-2.0
import { Ajv } from 'ajv';
import type { AnySchemaObject, ErrorObject, Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { RE2JS } from 're2js';
import { isJsonObject } from '../../json.ts';
import { errorText } from '../../text.ts';
import type { JsonObject } from '../../json.ts';
import { runBounded } from './time-limit.ts';
import { subschemasOf } from './subschemas.ts';

const MAXIMUM_CHARACTERS = 64 * 1024;
const MAXIMUM_SUBSCHEMAS = 2000;
const COMPILE_MILLISECONDS = 2000;
const VALIDATE_MILLISECONDS = 500;
const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/;
const DRAFT_2020 = /^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/;
const LOCAL_REFERENCE = /^#(?:$|\/)/;
/** Formats whose checks are linear in the text. */
const FORMATS = ['date', 'time', 'date-time', 'uuid', 'ipv4', 'ipv6', 'hostname', 'email', 'uri'] as const;
/** What changes how references are read; and ajv's `$async`, whose answer is a promise, and so always true. */
const REFUSED = [
  '$async',
  '$dynamicRef',
  '$dynamicAnchor',
  '$recursiveRef',
  '$recursiveAnchor',
  '$anchor',
  '$vocabulary',
];

/**
 * Compiles the JSON Schema of a predicate: draft 2020-12 (also where `$schema` says nothing) or draft-07, without
 * references to other documents; `pattern` is RE2. Unknown keywords are an error: what a typing mistake was
 * meant to forbid must not be allowed.
 *
 * @returns the first fault of a predicate as text, or undefined where it fits.
 * @throws Error with one sentence where the schema cannot be used.
 */
export function compilePredicateSchema(schema: unknown): (predicate: unknown) => string | undefined {
  const own = copied(schema);
  const draft = draftOf(own);
  for (const [path, subschema] of subschemasWithin(own)) refuseForeign(subschema, path, own);
  const validate = runBounded(() => compile(own, draft), COMPILE_MILLISECONDS);
  return (predicate) => {
    try {
      return runBounded(
        () => (validate(predicate) === true ? undefined : faultText(validate.errors)),
        VALIDATE_MILLISECONDS,
      );
    } catch (thrown) {
      return `could not be checked against the schema: ${errorText(thrown)}`;
    }
  };
}

type Draft = 'draft-07' | '2020-12';

/** A copy, so that nobody changes it later; also refuses what JSON cannot say. */
function copied(schema: unknown): JsonObject {
  const text = JSON.stringify(schema);
  if (!isJsonObject(schema)) throw new Error('the schema is not an object');
  if (text.length > MAXIMUM_CHARACTERS) throw new Error(`the schema is longer than ${MAXIMUM_CHARACTERS} characters`);
  const copy: unknown = JSON.parse(text);
  return isJsonObject(copy) ? copy : {};
}

function draftOf({ $schema: named }: JsonObject): Draft {
  if (named === undefined) return '2020-12';
  if (typeof named === 'string' && DRAFT_07.test(named)) return 'draft-07';
  if (typeof named === 'string' && DRAFT_2020.test(named)) return '2020-12';
  throw new Error('$schema is neither draft 2020-12 nor draft-07');
}

function subschemasWithin(schema: JsonObject): readonly (readonly [string, JsonObject])[] {
  const all: (readonly [string, JsonObject])[] = [['#', schema]];
  for (const [path, subschema] of all) {
    for (const [step, inner] of subschemasOf(subschema)) all.push([`${path}/${step}`, inner]);
    if (all.length > MAXIMUM_SUBSCHEMAS) throw new Error(`the schema has more than ${MAXIMUM_SUBSCHEMAS} subschemas`);
  }
  return all;
}

function refuseForeign(subschema: JsonObject, path: string, root: JsonObject): void {
  for (const keyword of REFUSED) {
    if (Object.hasOwn(subschema, keyword)) throw new Error(`${path}: ${keyword} is not supported`);
  }
  const { $ref: reference, $id: id } = subschema;
  if (reference !== undefined && (typeof reference !== 'string' || !LOCAL_REFERENCE.test(reference))) {
    throw new Error(`${path}: $ref may only refer to this schema itself, as #/$defs/name`);
  }
  if (id !== undefined && subschema !== root) throw new Error(`${path}: $id is only allowed at the root`);
}

function compile(schema: JsonObject, draft: Draft) {
  const { $id: _id, $schema: _schema, ...rest } = schema;
  const ajv = draft === 'draft-07' ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS);
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    // ajv compares each with each; a list of 100,000 would take hours.
    validate: (unique: boolean, items: readonly unknown[]) =>
      !unique || new Set(items.map((item) => JSON.stringify(sorted(item)))).size === items.length,
  });
  try {
    return ajv.compile(asSchema(rest));
  } catch (cause) {
    throw new Error(`the schema cannot be used: ${errorText(cause)}`, { cause });
  }
}

const OPTIONS: Options = {
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allErrors: false,
  inlineRefs: false,
  validateFormats: true,
  formats: Object.fromEntries(FORMATS.map((name) => [name, fullFormats[name]])),
  // Only tested, never run by the expression engine of JavaScript, whose time has no bound.
  code: { regExp: Object.assign((pattern: string) => linearPattern(pattern), { code: 'linearPattern' }) },
  logger: false,
};

function linearPattern(pattern: string) {
  const compiled = RE2JS.compile(pattern);
  // ajv knows patterns apart by their text: without a toString of their own, all would be the first one.
  return { test: (text: string) => compiled.matcher(text).find(), toString: () => `RE2 ${pattern}` };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}

function faultText(errors: readonly ErrorObject[] | null | undefined): string {
  const [error] = errors ?? [];
  if (error === undefined) return 'does not fit the schema';
  const { instancePath, message = 'does not fit the schema' } = error;
  return `predicate${instancePath.slice(0, 200)} ${message}`.slice(0, 400);
}

function asSchema(json: JsonObject): AnySchemaObject {
  return { ...json };
}
