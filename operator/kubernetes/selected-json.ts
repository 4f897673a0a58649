// SPDX-License-Identifier: Apache-2.0
import { afterString } from '../../core/json-shape.ts';

/**
 * What is wanted of a JSON value. A tenant writes most of what an API server lists, and a parsed object takes up to
 * twenty times the memory of its text (`{}`): what nobody asks for is passed over as bytes.
 */
export type Selection =
  /** All of it, where its text has at most so many bytes; where it has more, what else is wanted of it, or nothing. */
  | { readonly bytes: number; readonly otherwise?: Selection }
  /** These members of an object. */
  | { readonly fields: Readonly<Record<string, Selection>> }
  /** The first elements of an array. */
  | EachSelection;

interface EachSelection {
  readonly each: Selection;
  readonly most: number;
}

export interface Selected {
  /** Undefined where the text has another shape than the one selected. */
  readonly value: unknown;
  /** Paths of what was longer or more than selected. */
  readonly cut: string[];
}

/** Fails with `SyntaxError` where the text is no JSON; what is passed over is checked for its brackets only. */
export function selectJson(json: Uint8Array, selection: Selection): Selected {
  const cut: string[] = [];
  const cursor = new JsonCursor(json);
  return { value: select(cursor, selection, { path: '', cut }), cut };
}

interface Place {
  readonly path: string;
  readonly cut: string[];
}

function select(cursor: JsonCursor, selection: Selection, place: Place): unknown {
  if ('fields' in selection) return selectFields(cursor, selection.fields, place);
  if ('each' in selection) return selectElements(cursor, selection, place);
  const { bytes, otherwise } = selection;
  const start = cursor.position;
  // What is looked at again is passed over only as far as it takes to know that it is too long.
  const text = otherwise === undefined ? cursor.skip() : cursor.skipAtMost(bytes);
  if (text !== undefined && text.length <= bytes) return JSON.parse(textOf(text));
  place.cut.push(place.path);
  if (otherwise === undefined) return undefined;
  cursor.position = start;
  return select(cursor, otherwise, place);
}

function selectFields(cursor: JsonCursor, fields: Readonly<Record<string, Selection>>, place: Place): unknown {
  if (!cursor.isAt(OPEN_BRACE)) return void cursor.skip();
  const result: Record<string, unknown> = {};
  for (const key of cursor.members()) {
    const wanted = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (wanted === undefined) cursor.skip();
    else {
      const path = place.path === '' ? key : `${place.path}.${key}`;
      const value = select(cursor, wanted, { ...place, path });
      if (value !== undefined) result[key] = value;
    }
  }
  return result;
}

function selectElements(cursor: JsonCursor, { each, most }: EachSelection, place: Place): unknown {
  if (!cursor.isAt(OPEN_BRACKET)) return void cursor.skip();
  const result: unknown[] = [];
  let isCut = false;
  for (const index of cursor.elements()) {
    if (index < most) result.push(select(cursor, each, { ...place, path: `${place.path}[]` }));
    else {
      cursor.skip();
      isCut = true;
    }
  }
  if (isCut) place.cut.push(place.path);
  return result;
}

/** Walks over JSON text. Nothing in it recurses by the text's own depth. */
export class JsonCursor {
  position = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  isAt(byte: number): boolean {
    this.#skipBlanks();
    return this.#bytes[this.position] === byte;
  }

  /** The keys of the object here; whoever asks for the next one has passed over the value. Longer keys than 1 KiB are ''. */
  *members(): Generator<string, void, undefined> {
    for (const _ of this.#list(OPEN_BRACE, CLOSE_BRACE)) {
      if (!this.isAt(QUOTE)) throw malformed();
      const key = this.skip();
      this.#expect(COLON);
      yield key.length > LONGEST_KEY ? '' : String(JSON.parse(textOf(key)));
    }
  }

  /** The indexes of the array here, as `members`. */
  elements(): Generator<number, void, undefined> {
    return this.#list(OPEN_BRACKET, CLOSE_BRACKET);
  }

  /** Passes over one value; its text. */
  skip(): Uint8Array {
    const text = this.skipAtMost(Infinity);
    if (text === undefined) throw malformed();
    return text;
  }

  /** As `skip`; undefined, and nothing is passed over, where so many bytes are not all of the value. */
  skipAtMost(most: number): Uint8Array | undefined {
    this.#skipBlanks();
    const start = this.position;
    const end = endOfValue(this.#bytes, start, Math.min(this.#bytes.length, start + most));
    if (end === undefined) return undefined;
    this.position = end;
    return this.#bytes.subarray(start, end);
  }

  *#list(open: number, close: number): Generator<number, void, undefined> {
    this.#expect(open);
    if (this.isAt(close)) {
      this.position += 1;
      return;
    }
    for (let index = 0; ; index++) {
      yield index;
      if (this.isAt(close)) break;
      this.#expect(COMMA);
    }
    this.position += 1;
  }

  #expect(byte: number): void {
    if (!this.isAt(byte)) throw malformed();
    this.position += 1;
  }

  #skipBlanks(): void {
    while (isBlank(this.#bytes[this.position])) this.position += 1;
  }
}

export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const COLON = 0x3a;
const COMMA = 0x2c;
const LONGEST_KEY = 1024;
/** What a byte is where a token may begin: by how much it goes deeper, or one of these. */
const [WORD, STRING, BLANK] = [2, 3, 4];
/** A table, since millions are looked up. */
const KINDS = new Int8Array(256).fill(WORD);
KINDS[OPEN_BRACE] = KINDS[OPEN_BRACKET] = 1;
KINDS[CLOSE_BRACE] = KINDS[CLOSE_BRACKET] = -1;
KINDS[COMMA] = KINDS[COLON] = 0;
KINDS[QUOTE] = STRING;
for (const blank of [0x20, 0x0a, 0x0d, 0x09]) KINDS[blank] = BLANK;

/** The place after the value that begins here; undefined: it is not before this end. */
function endOfValue(bytes: Uint8Array, start: number, end: number): number | undefined {
  let [at, depth] = [start, 0];
  while (at < end) {
    const kind = KINDS[bytes[at] ?? 0] ?? WORD;
    at += 1;
    if (kind === BLANK) continue;
    if (kind < WORD) depth += kind;
    else at = kind === STRING ? afterString(bytes, at) : afterWord(bytes, at);
    if (depth < 0) throw malformed();
    if (depth === 0) return at > end ? undefined : at;
  }
  return undefined;
}

/** The place after a word whose first byte is the one before. */
function afterWord(bytes: Uint8Array, second: number): number {
  if (!isOfWord(bytes[second - 1])) throw malformed();
  let at = second;
  while (isOfWord(bytes[at])) at += 1;
  return at;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Of numbers, `true`, `false` and `null`. */
function isOfWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 0x61 && byte <= 0x7a) || (byte >= 0x2b && byte <= 0x39 && byte !== COMMA) || byte === 0x45;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function malformed(): SyntaxError {
  return new SyntaxError('the text is no JSON, or not all of it');
}
