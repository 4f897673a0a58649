// SPDX-License-Identifier: Apache-2.0

/** How much JSON holds: an empty object takes two bytes of text and twenty times as much of memory. */
export interface JsonShape {
  readonly depth: number;
  /** Objects and lists. */
  readonly containers: number;
  /** Values after a comma. */
  readonly elements: number;
}

/**
 * Counts in one pass over the bytes, before any of it is parsed; what is in strings does not count. Of text that is no
 * JSON the numbers mean nothing.
 *
 * @returns the first of `limits` that is passed, where one is.
 */
export function shapeOf(bytes: Uint8Array, limits: JsonShape): JsonShape | keyof JsonShape {
  const shape = { depth: 0, containers: 0, elements: 0 };
  let inString = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (inString) {
      if (byte === BACKSLASH) index++;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) {
      inString = true;
    } else {
      count(shape, byte);
      if (shape.depth > limits.depth) return 'depth';
      if (shape.containers > limits.containers) return 'containers';
      if (shape.elements > limits.elements) return 'elements';
    }
  }
  return shape;
}

interface Counted {
  depth: number;
  containers: number;
  elements: number;
}

function count(shape: Counted, byte: number | undefined): void {
  if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
    shape.depth += 1;
    shape.containers += 1;
  } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
    shape.depth -= 1;
  } else if (byte === COMMA) {
    shape.elements += 1;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
