// SPDX-License-Identifier: Apache-2.0

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
  const start = cursor.position;
  const text = cursor.skip();
  if (text.length <= selection.bytes) return JSON.parse(textOf(text));
  place.cut.push(place.path);
  if (selection.otherwise === undefined) return undefined;
  cursor.position = start;
  return select(cursor, selection.otherwise, place);
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
    this.#skipBlanks();
    const start = this.position;
    let depth = 0;
    do {
      this.#skipBlanks();
      depth += this.#skipToken();
      if (depth < 0) throw malformed();
    } while (depth > 0);
    return this.#bytes.subarray(start, this.position);
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

  /** By how much it goes deeper. */
  #skipToken(): number {
    const byte = this.#bytes[this.position];
    if (byte === undefined) throw malformed();
    if (byte === QUOTE) return this.#skipString();
    this.position += 1;
    const step = STEPS[byte] ?? UNKNOWN;
    if (step !== UNKNOWN) return step;
    if (!isOfWord(byte)) throw malformed();
    while (isOfWord(this.#bytes[this.position])) this.position += 1;
    return 0;
  }

  #skipString(): 0 {
    const bytes = this.#bytes;
    let at = this.position + 1;
    while (bytes[at] !== QUOTE) {
      if (at >= bytes.length) throw malformed();
      at += bytes[at] === BACKSLASH ? 2 : 1;
    }
    this.position = at + 1;
    return 0;
  }

  #skipBlanks(): void {
    for (;;) {
      const byte = this.#bytes[this.position];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.position += 1;
    }
  }
}

export const OPEN_BRACE = 0x7b;
export const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const LONGEST_KEY = 1024;
const UNKNOWN = 2;
/** By how much a byte goes deeper; a table, since millions are looked up. */
const STEPS = new Int8Array(256).fill(UNKNOWN);
STEPS[OPEN_BRACE] = STEPS[OPEN_BRACKET] = 1;
STEPS[CLOSE_BRACE] = STEPS[CLOSE_BRACKET] = -1;
STEPS[COMMA] = STEPS[COLON] = 0;

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
