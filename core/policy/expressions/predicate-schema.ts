// SPDX-License-Identifier: Apache-2.0
import { Ajv } from 'ajv';
import type { ErrorObject, Options } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { fullFormats } from 'ajv-formats/dist/formats.js';
import { compilePattern } from '../../regular-expression/pattern.ts';
import { isJsonObject } from '../../json.ts';
import { errorText } from '../../text.ts';
import type { JsonObject } from '../../json.ts';
import { matchingSteps } from './condition-work.ts';
import { meterSubschemas, registerMeter, SCHEMA_STEPS, spendItems } from './schema-work.ts';
import { createWork, MAXIMUM_WORK, type Work } from './work.ts';
import { subschemasOf } from './subschemas.ts';

const MAXIMUM_CHARACTERS = 64 * 1024;
/** The fields of an SPDX document take some 150. */
const MAXIMUM_SUBSCHEMAS = 500;
const MAXIMUM_DEPTH = 32;
/** Objects, lists and scalars of the whole schema, with values of `enum` and examples. */
const MAXIMUM_VALUES = 5000;
/** Steps of the regular expressions together. */
const MAXIMUM_PATTERN_STEPS = 4000;
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
  SCHEMA_STEPS,
];

/**
 * Compiles the JSON Schema of a predicate: draft 2020-12 (also where `$schema` says nothing) or draft-07, without
 * references to other documents; `pattern` is RE2. Unknown keywords are an error: what a typing mistake was
 * meant to forbid must not be allowed.
 *
 * @returns the first fault of a predicate as text, or undefined where it fits.
 * @throws Error with one sentence where the schema cannot be used.
 */
export function compilePredicateSchema(schema: unknown): (predicate: unknown, work?: Work) => string | undefined {
  const own = copied(schema);
  const draft = draftOf(own);
  const subschemas = subschemasWithin(own);
  const walked = new Set<unknown>(subschemas.map(({ subschema }) => subschema));
  for (const { path, subschema } of subschemas) {
    refuseForeign(subschema, path, own);
    // What is referred to counts as a schema, wherever it stands: only what was looked at may be one.
    const target = referredTo(subschema, own);
    if (isJsonObject(target) && !walked.has(target)) {
      throw new Error(`${path}: $ref refers to what is no schema there; put it into $defs`);
    }
  }
  // ajv checks the schema by schemas of its own.
  const meter: Meter = { work: createWork(MAXIMUM_WORK), patternSteps: 0 };
  const validate = compile(own, draft, meter);
  return (predicate, work = createWork(MAXIMUM_WORK)) => {
    meter.work = work;
    try {
      return validate(predicate) === true ? undefined : faultText(validate.errors);
    } catch (thrown) {
      // Running out of the stack is a matter of depth, and no clock's.
      const reason = thrown instanceof RangeError ? 'it refers to itself without end' : errorText(thrown);
      return `could not be checked against the schema: ${reason}`;
    }
  };
}

interface Meter {
  work: Work;
  patternSteps: number;
}

type Draft = 'draft-07' | '2020-12';

/** A copy, so that nobody changes it later; also refuses what JSON cannot say. */
function copied(schema: unknown): JsonObject {
  if (!isJsonObject(schema)) throw new Error('the schema is not an object');
  if (countValues(schema, MAXIMUM_VALUES) > MAXIMUM_VALUES) {
    throw new Error(`the schema has more than ${MAXIMUM_VALUES} values`);
  }
  const text = JSON.stringify(schema);
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

/** Ends soon after `most`. */
function countValues(value: unknown, most: number): number {
  if (typeof value !== 'object' || value === null) return 1;
  let count = 1;
  for (const inner of Object.values(value)) {
    count += countValues(inner, most - count);
    if (count > most) break;
  }
  return count;
}

interface Placed {
  readonly path: string;
  readonly subschema: JsonObject;
  readonly depth: number;
}

function subschemasWithin(schema: JsonObject): readonly Placed[] {
  const all: Placed[] = [{ path: '#', subschema: schema, depth: 0 }];
  for (const { path, subschema, depth } of all) {
    if (depth > MAXIMUM_DEPTH) throw new Error(`the schema nests more than ${MAXIMUM_DEPTH} deep`);
    for (const [step, inner] of subschemasOf(subschema)) {
      all.push({ path: `${path}/${step}`, subschema: inner, depth: depth + 1 });
    }
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

/** Undefined: to nothing, which ajv refuses. The pointer is of RFC 6901, in its form for URIs. */
function referredTo({ $ref: reference }: JsonObject, root: JsonObject): unknown {
  if (typeof reference !== 'string') return undefined;
  const steps = reference.split('/').slice(1).map(unescaped);
  return steps.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? Reflect.get(value, step) : undefined,
    root,
  );
}

function unescaped(step: string): string {
  return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~');
}

function compile(schema: JsonObject, draft: Draft, meter: Meter) {
  const { $id: _id, $schema: _schema, ...rest } = schema;
  const options = { ...OPTIONS, code: { regExp: meteredPatterns(meter) } };
  const ajv = draft === 'draft-07' ? new Ajv(options) : new Ajv2020(options);
  const spend = (steps: number) => meter.work.spend(steps);
  registerMeter(ajv, spend);
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    // ajv compares each with each; a list of 100,000 would take hours.
    validate: (unique: boolean, items: readonly unknown[]) =>
      !unique || new Set(items.map((item) => spendItems(JSON.stringify(sorted(item)), spend))).size === items.length,
  });
  try {
    return ajv.compile(meterSubschemas(rest));
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
  // Else `required: [constructor]` is met by what every object inherits.
  ownProperties: true,
  validateFormats: true,
  formats: Object.fromEntries(FORMATS.map((name) => [name, fullFormats[name]])),
  logger: false,
};

/** Never the expression engine of JavaScript, whose time has no bound. */
function meteredPatterns(meter: Meter) {
  const compileMetered = (text: string) => {
    const pattern = compilePattern(text);
    meter.patternSteps += pattern.steps;
    if (meter.patternSteps > MAXIMUM_PATTERN_STEPS) {
      throw new Error(`its regular expressions have more than ${MAXIMUM_PATTERN_STEPS} steps together`);
    }
    const test = (candidate: string) => {
      meter.work.spend(matchingSteps(pattern, candidate));
      return pattern.findsIn(candidate);
    };
    // ajv knows patterns apart by their text: without a toString of their own, all would be the first one.
    return { test, toString: () => `RE2 ${text}` };
  };
  return Object.assign(compileMetered, { code: 'meteredPattern' });
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
