// SPDX-License-Identifier: Apache-2.0
import { EngineError } from './errors.ts';
import { shapeOf } from './json-shape.ts';

/** A JSON object as parsed: every value is untrusted. */
export type JsonObject = Readonly<Record<string, unknown>>;

const MAXIMUM_DEPTH = 64;
/** From here on a text could hold enough for its parsed form to hurt. */
const SHAPE_CHECK_BYTES = 64 * 1024;
/** Bytes for each object or list and each value, at the least: in an SBOM there are some 50 and 20. */
const SPARSE = { container: 20, element: 8 };
/** What any text may hold: some 15 MiB when it is parsed. */
const ANY_TEXT = { containers: 200_000, elements: 500_000 };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Parses JSON that someone else wrote so that no two readers can disagree about it: valid UTF-8, no
 * key twice in one object (readers take the first or the last), no `__proto__`, at most 64 levels, no more objects and
 * values than honest texts of its size have.
 *
 * @param what names the text in errors: `the payload`.
 * @throws EngineError MalformedSignature, or ResponseTooLarge above `maximumBytes`.
 */
export function parseJson(bytes: Uint8Array, maximumBytes: number, what: string): unknown {
  return parseStrictly({ bytes }, maximumBytes, what);
}

/** A text, and what `parseJsonObject` made of it, where somebody has asked already. */
export interface JsonText {
  readonly bytes: Uint8Array;
  readonly document?: JsonObject;
}

/** As `parseJson`, without parsing anew what was parsed before. */
export function parseStrictly({ bytes, document }: JsonText, maximumBytes: number, what: string): unknown {
  if (bytes.length > maximumBytes) {
    throw new EngineError('ResponseTooLarge', `${what} is larger than ${maximumBytes} bytes`);
  }
  const passed = excessOf(bytes);
  if (passed !== undefined) throw new EngineError('ResponseTooLarge', `${what} holds more than ${passed}`);
  const text = decode(bytes, what);
  let value: unknown;
  try {
    value = document ?? JSON.parse(text);
  } catch {
    // V8's message would quote the text.
    throw new EngineError('MalformedSignature', `${what} is not JSON`);
  }
  const fault = faultInKeys(text);
  if (fault !== undefined) throw new EngineError('MalformedSignature', `${what} ${fault}`);
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Undefined where it is not there, or `value` is no object. */
export function fieldOf(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Bytes as a JSON object, or undefined for anything else, such as text that holds a million objects. */
export function parseJsonObject(bytes: Uint8Array): JsonObject | undefined {
  if (excessOf(bytes) !== undefined) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isJsonObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
}

/** The entries of `value` whose values are texts; claims of another type are no claims of ours. */
export function textEntries(value: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** What there is too much of. */
function excessOf(bytes: Uint8Array): string | undefined {
  if (bytes.length <= SHAPE_CHECK_BYTES) return undefined;
  const limits = {
    depth: Infinity,
    containers: Math.max(ANY_TEXT.containers, Math.floor(bytes.length / SPARSE.container)),
    elements: Math.max(ANY_TEXT.elements, Math.floor(bytes.length / SPARSE.element)),
  };
  const shape = shapeOf(bytes, limits);
  if (typeof shape !== 'string') return undefined;
  return `${limits[shape]} ${shape === 'containers' ? 'objects and lists' : 'values'}`;
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new EngineError('MalformedSignature', `${what} is not valid UTF-8`);
  }
}

/** What is being read: a list, or an object with its keys so far; most have few, and many none. */
type Level = undefined | { readonly keys: string[]; many?: Set<string> };

/** So many keys are looked through faster than a set is made. */
const FEW_KEYS = 8;

/**
 * What `JSON.parse` does not tell. `text` has passed it, so only strings and brackets matter here.
 * Linear: each character is looked at a constant number of times.
 */
function faultInKeys(text: string): string | undefined {
  const open: Level[] = [];
  let keyIsNext = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    // Most of what is outside of strings is space and numbers.
    if (code < QUOTE) continue;
    if (code === QUOTE) {
      const end = endOfString(text, at);
      const fault = keyIsNext ? addKey(open.at(-1), text.slice(at + 1, end)) : undefined;
      if (fault !== undefined) return fault;
      at = end;
      keyIsNext = false;
    } else if (STEPS.has(code)) {
      keyIsNext = step(open, code);
      if (open.length > MAXIMUM_DEPTH) return `nests deeper than ${MAXIMUM_DEPTH} levels`;
    }
  }
  return undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const STEPS: ReadonlySet<number> = new Set([COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT]);

/** Enters or leaves an object or an array. True: a key may follow. */
function step(open: Level[], code: number): boolean {
  switch (code) {
    case OPEN_OBJECT:
      open.push({ keys: [] });
      break;
    case OPEN_LIST:
      open.push(undefined);
      break;
    case COMMA:
      break;
    default:
      open.pop();
      return false;
  }
  return open.at(-1) !== undefined;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, quote: number): boolean {
  let backslash = quote;
  while (text[backslash - 1] === '\\') backslash -= 1;
  return (quote - backslash) % 2 === 1;
}

function addKey(level: Level, written: string): string | undefined {
  // Two spellings of one key: "a" and "\u0061".
  const key = written.includes('\\') ? String(JSON.parse(`"${written}"`)) : written;
  if (key === '__proto__') return 'has the key __proto__';
  if (level === undefined) return undefined;
  if (hasKey(level, key)) return `has the key ${JSON.stringify(key.slice(0, 80))} twice in one object`;
  level.keys.push(key);
  level.many?.add(key);
  return undefined;
}

function hasKey(level: NonNullable<Level>, key: string): boolean {
  const { keys } = level;
  return keys.length < FEW_KEYS ? keys.includes(key) : (level.many ??= new Set(keys)).has(key);
}
