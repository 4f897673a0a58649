// SPDX-License-Identifier: Apache-2.0
import { decodeEitherBase64 } from '../base64.ts';
import { isJsonObject } from '../json.ts';
import type { JsonObject } from '../json.ts';

const DECIMAL = /^(0|[1-9][0-9]{0,18})$/;

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
