// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';

/** Enough for every key, policy, configuration, bundle and certificate. */
export const MODEST_BYTES = 16 * 1024 * 1024;

/** The bytes of a file, pipe or device that ends; rejects as soon as there are more than `maximumBytes`. */
export async function readBounded(file: string, maximumBytes: number = MODEST_BYTES): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  // One byte more than is allowed tells what is too long.
  for await (const part of createReadStream(file, { end: maximumBytes })) {
    parts.push(part);
    bytes += part.length;
    if (bytes > maximumBytes) throw new Error(`larger than ${maximumBytes} bytes`);
  }
  return Buffer.concat(parts, bytes);
}

export async function readBoundedText(file: string, maximumBytes?: number): Promise<string> {
  return (await readBounded(file, maximumBytes)).toString('utf8');
}
