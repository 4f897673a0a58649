// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';

/** Enough for every key, policy, configuration, bundle and certificate. */
export const MODEST_BYTES = 16 * 1024 * 1024;

/** The bytes of a file, pipe or device that ends; rejects as soon as there are more than `maximumBytes`. */
export function readBounded(file: string, maximumBytes: number = MODEST_BYTES): Promise<Buffer> {
  // One byte more than is allowed tells what is too long.
  return collectBounded(createReadStream(file, { end: maximumBytes }), maximumBytes);
}

/** All that a stream gives; rejects as soon as it is more than `maximumBytes`. */
export async function collectBounded(stream: AsyncIterable<Uint8Array>, maximumBytes: number): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of stream) {
    parts.push(part);
    bytes += part.length;
    if (bytes > maximumBytes) throw new Error(`larger than ${maximumBytes} bytes`);
  }
  return Buffer.concat(parts, bytes);
}

export async function readBoundedText(file: string, maximumBytes?: number): Promise<string> {
  return (await readBounded(file, maximumBytes)).toString('utf8');
}

/** Honest bodies come in pieces of a kilobyte and more; a short one may come in any. */
const FREE_PIECES = 1024;
const PIECE_BYTES = 256;

/**
 * Whether a body comes in so many pieces that these cost more than what is in it: each takes some hundred bytes of memory
 * and some microseconds, also where it holds a single byte, as chunks over HTTP may.
 */
export function areTooManyPieces(pieces: number, bytes: number): boolean {
  return pieces > FREE_PIECES + bytes / PIECE_BYTES;
}
