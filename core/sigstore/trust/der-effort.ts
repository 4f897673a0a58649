// SPDX-License-Identifier: Apache-2.0

/** Certificates take less than a hundred, timestamps a few hundred; as many as this take the reader some milliseconds. */
const MAXIMUM_ELEMENTS = 4096;
const MAXIMUM_DEPTH = 100;

const OCTET_STRING = 0x04;
const CONSTRUCTED = 0x20;

/**
 * Refuses DER that would keep the ASN.1 reader of @sigstore/core busy. That reader tries the content of each OCTET
 * STRING as elements, lets elements reach beyond what is around them, and goes back where a trial fails: 235 bytes can
 * make it read the same places for seconds, and each eight bytes more double that. Whoever may write a signature's
 * certificate could so stop every decision. Here the same steps are taken without keeping anything, and counted.
 *
 * @throws Error with one sentence. Bytes that are no DER at all are left to the reader.
 */
export function requireModestDer(der: Uint8Array): void {
  endOfElement({ der, elements: 0 }, 0, 0);
}

interface Walk {
  readonly der: Uint8Array;
  elements: number;
}

/** Where the reader goes on after the element; undefined where it gives up. */
function endOfElement(walk: Walk, at: number, depth: number): number | undefined {
  walk.elements += 1;
  if (walk.elements > MAXIMUM_ELEMENTS)
    throw new Error('its DER is nested so that it cannot be read in reasonable time');
  const tag = walk.der[at];
  const content = contentOf(walk.der, at + 1);
  if (tag === undefined || content === undefined || depth > MAXIMUM_DEPTH) return undefined;
  const { start, end } = content;
  if ((tag & CONSTRUCTED) !== 0) return endOfElements(walk, content, depth + 1);
  if (tag === OCTET_STRING && start < end) endOfElements(walk, content, depth + 1);
  return end;
}

interface Content {
  readonly start: number;
  readonly end: number;
}

function endOfElements(walk: Walk, { start, end }: Content, depth: number): number | undefined {
  let at: number | undefined = start;
  while (at !== undefined && at < end) at = endOfElement(walk, at, depth);
  return at === end ? end : undefined;
}

/** After the length (X.690, 8.1.3), within all of the bytes: what is around the element is not looked at. */
function contentOf(der: Uint8Array, at: number): Content | undefined {
  const first = der[at];
  if (first === undefined || first > 0x86) return undefined;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  let length = first < 0x80 ? first : 0;
  for (const byte of der.subarray(at + 1, at + 1 + lengthBytes)) length = length * 256 + byte;
  const start = at + 1 + lengthBytes;
  return start + length <= der.length ? { start, end: start + length } : undefined;
}
