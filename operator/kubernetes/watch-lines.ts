// SPDX-License-Identifier: Apache-2.0
import { ApiError, type KubeObject } from './api-client.ts';

/** One line of a watch (metav1.WatchEvent). */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** An object with its old and new self in JSON stays well below this (etcd refuses more than 1.5 MiB). */
const LINE_BYTES = 8 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Splits a watch's bytes into events. An ERROR event (410 when the resource version is too old) and
 * anything that is not an event throw `ApiError`. `undefined` is a sign of life without an event.
 */
export async function* watchEvents<T extends KubeObject>(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent<T> | undefined, void, undefined> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    yield undefined;
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(parts).toString('utf8').trim();
      if (line !== '') yield parseEvent<T>(line);
      parts = [];
      size = 0;
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > LINE_BYTES) throw new ApiError(0, `a watch event has more than ${LINE_BYTES} bytes`);
  }
}

/** Of a metav1.Status. */
interface StatusText {
  readonly code?: unknown;
  readonly message?: unknown;
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  let event: { type?: unknown; object?: T & StatusText };
  try {
    event = JSON.parse(line);
  } catch {
    throw new ApiError(0, 'a watch event is not JSON');
  }
  const { type, object } = event;
  if (type === 'ERROR') throw watchError(object);
  if (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK') {
    throw new ApiError(0, 'a watch event has an unknown type');
  }
  if (!isKubeObject(object)) throw new ApiError(0, 'a watch event has no object');
  return { type, object };
}

function watchError(status: StatusText | null | undefined): ApiError {
  const code = typeof status?.code === 'number' ? status.code : 0;
  const message = typeof status?.message === 'string' ? status.message : 'no reason given';
  return new ApiError(code, `the watch ended: ${message.slice(0, 300)}`);
}

function isKubeObject<T extends KubeObject>(object: T | undefined): object is T {
  return typeof object === 'object' && object !== null && 'metadata' in object && typeof object.metadata === 'object';
}
