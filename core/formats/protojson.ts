// SPDX-License-Identifier: Apache-2.0
import { decodeEitherBase64 } from '../base64.ts';
import { EngineError } from '../errors.ts';
import { isJsonObject, parseJson } from '../json.ts';
import type { JsonObject } from '../json.ts';

const DECIMAL = /^(0|[1-9][0-9]{0,18})$/;

/**
 * Parses the JSON of a message that has no maps, and gives its fields one spelling.
 *
 * @param what names the text in errors: `the bundle`.
 * @throws EngineError MalformedSignature, ResponseTooLarge
 */
export function parseProtojson(bytes: Uint8Array, maximumBytes: number, what: string): unknown {
  return canonicalFields(parseJson(bytes, maximumBytes, what), what);
}

const DEFINED_NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/;

/**
 * Readers of protobuf's JSON take a field by two names, that of JSON (`mediaType`) and that of the definition
 * (`media_type`), and null for one that is absent. Here all have the first name, and none is null.
 *
 * @throws EngineError MalformedSignature for a field under both names
 */
function canonicalFields(value: unknown, what: string): unknown {
  if (Array.isArray(value)) return value.map((one: unknown) => canonicalFields(one, what));
  if (!isJsonObject(value)) return value;
  const fields = new Map<string, unknown>();
  for (const [written, field] of Object.entries(value)) {
    const name = jsonName(written);
    if (fields.has(name)) throw new EngineError('MalformedSignature', `${what} has the field ${name} twice`);
    fields.set(name, field === null ? undefined : canonicalFields(field, what));
  }
  return Object.fromEntries([...fields].filter(([, field]) => field !== undefined));
}

function jsonName(written: string): string {
  if (!DEFINED_NAME.test(written)) return written;
  return written.replace(/_([a-z0-9])/g, (_, next: string) => next.toUpperCase());
}

/**
 * One value of untrusted JSON and where it stands, so that each error names its field
 * (`tlogEntries[0].logId.keyId is missing`). All readers throw Error with one sentence.
 */
export interface JsonNode {
  readonly value: unknown;
  readonly path: string;
}

export function jsonNode(value: unknown, path: string): JsonNode {
  return { value, path };
}

/** The member of an object; `value` is undefined where it is absent or null (protojson writes both). */
export function member(parent: JsonNode, name: string): JsonNode {
  const fields = fieldsOf(parent);
  const value = Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined;
  return jsonNode(value, parent.path === '' ? name : `${parent.path}.${name}`);
}

export function has(parent: JsonNode, name: string): boolean {
  return member(parent, name).value !== undefined;
}

export function fieldsOf(at: JsonNode): JsonObject {
  if (!isJsonObject(at.value)) throw wrong(at, 'an object');
  return at.value;
}

/**
 * Refuses members that no version of the format has, as protojson does: one of another spelling would otherwise
 * be a member that is missing, and what is missing is not checked.
 */
export function requireOnly(at: JsonNode, names: readonly string[]): void {
  const unknown = Object.keys(fieldsOf(at)).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new Error(
    `${at.path === '' ? 'the document' : at.path} has an unknown member ${JSON.stringify(unknown.slice(0, 60))}`,
  );
}

/** The elements of a list; none where it is absent. */
export function listOf(at: JsonNode, maximum: number): readonly JsonNode[] {
  if (at.value === undefined) return [];
  if (!Array.isArray(at.value)) throw wrong(at, 'a list');
  if (at.value.length > maximum) throw new Error(`${at.path} has more than ${maximum} elements`);
  return at.value.map((value: unknown, index) => jsonNode(value, `${at.path}[${index}]`));
}

export function textOf(at: JsonNode): string {
  if (typeof at.value !== 'string') throw wrong(at, 'a text');
  return at.value;
}

export function bytesOf(at: JsonNode): Buffer<ArrayBuffer> {
  const bytes = decodeEitherBase64(textOf(at));
  if (bytes === undefined) throw wrong(at, 'valid base64');
  if (bytes.length === 0) throw new Error(`${at.path} is empty`);
  return Buffer.from(bytes);
}

/** A protobuf enum: protojson writes its name and reads its number too. Undefined where `values` has neither. */
export function enumOf<T>(at: JsonNode, values: ReadonlyMap<string | number, T>): T | undefined {
  return values.get(typeof at.value === 'number' ? at.value : textOf(at));
}

/** A protobuf int64: a decimal text in protojson, a number in Rekor's own JSON. Never negative. */
export function integerOf(at: JsonNode): bigint {
  if (typeof at.value === 'number' && Number.isSafeInteger(at.value) && at.value >= 0) return BigInt(at.value);
  if (typeof at.value !== 'string' || !DECIMAL.test(at.value)) throw wrong(at, 'a whole number, zero or more');
  return BigInt(at.value);
}

function wrong(at: JsonNode, expected: string): Error {
  const where = at.path === '' ? 'the document' : at.path;
  return new Error(at.value === undefined ? `${where} is missing` : `${where} is not ${expected}`);
}
