// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApiError, type KubeObject } from './api-client.ts';
import { readWatchEvent, type ObjectReading, type WatchEvent } from './object-reader.ts';

/** As much as one object of a list may have. */
const LINE_BYTES = 4 * 1024 * 1024;
const LARGE_BYTES = 64 * 1024;
const NEWLINE = 0x0a;

/**
 * Splits a watch's bytes into events. An ERROR event (410 when the resource version is too old) and
 * anything that is not an event throw `ApiError`. `undefined` is a sign of life without an event.
 */
export async function* watchEvents<T extends KubeObject>(
  chunks: AsyncIterable<Uint8Array>,
  reading: ObjectReading<T>,
): AsyncGenerator<WatchEvent<T> | undefined, void, undefined> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    yield undefined;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = parts.length === 1 ? chunk.subarray(start, end) : Buffer.concat(parts);
      if (!isBlank(line)) yield parseEvent(line, reading);
      // Admissions have their turn between two large ones.
      if (line.length > LARGE_BYTES) await nextTurn();
      parts = [];
      size = 0;
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > LINE_BYTES) throw new ApiError(0, `a watch event has more than ${LINE_BYTES} bytes`);
  }
}

function parseEvent<T extends KubeObject>(line: Uint8Array, reading: ObjectReading<T>): WatchEvent<T> {
  try {
    return readWatchEvent(line, reading);
  } catch (thrown) {
    if (thrown instanceof ApiError) throw thrown;
    throw new ApiError(0, 'a watch event is not JSON');
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x0d || byte === 0x09);
}
