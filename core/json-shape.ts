// SPDX-License-Identifier: Apache-2.0

/** How much JSON holds: an empty object takes two bytes of text and twenty times as much of memory. */
export interface JsonShape {
  readonly depth: number;
  /** Objects and lists. */
  readonly containers: number;
  /** Values after a comma. */
  readonly elements: number;
}

/** Counts bytes as they come, so that no large text is looked at in one go. */
export interface ShapeCounter {
  /** So far. */
  readonly shape: JsonShape;
  /** Returns the first of the limits that is passed, where one is: then nothing more is to be added. */
  add(bytes: Uint8Array): keyof JsonShape | undefined;
}

/**
 * Counts in one pass over the bytes, before any of it is parsed; what is in strings does not count. Of text that is no
 * JSON the numbers mean nothing.
 */
export function createShapeCounter(limits: JsonShape): ShapeCounter {
  let shape: JsonShape = { depth: 0, containers: 0, elements: 0 };
  /** 0: the next byte is outside of strings; 1: it is in one; 2: and it is escaped. */
  let inside = 0;
  const begin = (bytes: Uint8Array) => (inside === 0 ? 0 : afterString(bytes, inside - 1));

  return {
    get shape() {
      return shape;
    },
    add(bytes) {
      // Comparisons, and variables of its own: a table, or the shape's fields, took three times as long.
      const { length } = bytes;
      let [depth, containers, elements] = [shape.depth, shape.containers, shape.elements];
      let at = begin(bytes);
      while (at < length) {
        const byte = bytes[at++] ?? 0;
        if (byte < QUOTE) continue;
        if (byte === QUOTE) at = afterString(bytes, at);
        else if (byte === COMMA) elements += 1;
        else if ((byte | LOWER) === CLOSE) depth -= 1;
        else if ((byte | LOWER) === OPEN) {
          depth += 1;
          containers += 1;
          if (depth > limits.depth || containers > limits.containers) break;
        }
      }
      inside = Math.max(0, at - length);
      shape = { depth, containers, elements };
      return passedOf(shape, limits);
    },
  };
}

function passedOf({ depth, containers, elements }: JsonShape, limits: JsonShape): keyof JsonShape | undefined {
  if (depth > limits.depth) return 'depth';
  if (containers > limits.containers) return 'containers';
  return elements > limits.elements ? 'elements' : undefined;
}

/** As a counter that is given all bytes at once. */
export function shapeOf(bytes: Uint8Array, limits: JsonShape): JsonShape | keyof JsonShape {
  const counter = createShapeCounter(limits);
  return counter.add(bytes) ?? counter.shape;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** Of objects; those of lists differ by the next. */
const OPEN = 0x7b;
const CLOSE = 0x7d;
const LOWER = 0x20;

/** Bytes of a string that are looked at here: to have so few searched costs more. */
const SHORT = 64;

/**
 * The place after a string, of which the byte at `from` is the next one. Where it does not end in these bytes: their
 * length and one, or and two where the first byte that is still to come is escaped.
 */
export function afterString(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  let at = from;
  while (at < length) {
    const soon = Math.min(length, at + SHORT);
    while (at < soon) {
      const byte = bytes[at++];
      if (byte === QUOTE) return at;
      if (byte === BACKSLASH) at += 1;
    }
    if (at >= length) break;
    const quote = bytes.indexOf(QUOTE, at);
    const until = quote === -1 ? length : quote;
    const isEscaped = isEscapedAt(bytes, until, at);
    if (quote !== -1 && !isEscaped) return quote + 1;
    at = until + (isEscaped ? 1 : 0);
  }
  return at + 1;
}

/** Whether an odd number of backslashes comes before, from `start` on. */
function isEscapedAt(bytes: Uint8Array, at: number, start: number): boolean {
  let backslash = at;
  while (backslash > start && bytes[backslash - 1] === BACKSLASH) backslash -= 1;
  return (at - backslash) % 2 === 1;
}
