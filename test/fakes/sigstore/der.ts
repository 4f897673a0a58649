// SPDX-License-Identifier: Apache-2.0

/** Writes DER (X.690), just enough of it for certificates and timestamps. */
export type Der = Buffer;

export function der(tag: number, ...parts: readonly Uint8Array[]): Der {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const hex = length.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export const sequence = (...parts: readonly Uint8Array[]): Der => der(0x30, ...parts);
/** SET OF: sorted by encoding, as DER wants. */
export const setOf = (...parts: readonly Uint8Array[]): Der =>
  der(0x31, ...parts.toSorted((a, b) => Buffer.compare(a, b)));
export const octets = (bytes: Uint8Array): Der => der(0x04, bytes);
export const bits = (bytes: Uint8Array, unused = 0): Der => der(0x03, Buffer.from([unused]), bytes);
export const boolean = (value: boolean): Der => der(0x01, Buffer.from([value ? 0xff : 0]));
export const utf8String = (text: string): Der => der(0x0c, Buffer.from(text));
/** `[n]`, constructed. */
export const context = (n: number, ...parts: readonly Uint8Array[]): Der => der(0xa0 | n, ...parts);
/** `[n] IMPLICIT`, primitive. */
export const implicit = (n: number, bytes: Uint8Array): Der => der(0x80 | n, bytes);

export function integer(value: bigint | number): Der {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return (bytes[0] ?? 0) >= 0x80 ? der(0x02, Buffer.from([0]), bytes) : der(0x02, bytes);
}

export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(arc: number): number[] {
  const bytes = [arc % 128];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) bytes.unshift((left % 128) | 0x80);
  return bytes;
}

/** GeneralizedTime, in whole seconds. */
export function generalizedTime(time: Date): Der {
  return der(0x18, Buffer.from(`${time.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

/** UTCTime, which RFC 5280 wants until 2049. */
export function utcTime(time: Date): Der {
  return der(0x17, Buffer.from(`${time.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}
