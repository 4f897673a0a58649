// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ApiError, type KubeObject } from './api-client.ts';
import { JsonCursor, OPEN_BRACE, OPEN_BRACKET, selectJson, type Selection } from './selected-json.ts';

/** What is read of an object, and what of that is kept. */
export interface ObjectReading<T> {
  /** Of the object; `metadata` is `METADATA` or less. */
  readonly selection: Selection;
  /** `cut`: paths of what was larger than selected; it adds what it leaves out itself. */
  readonly keep?: (object: T, cut: string[]) => T;
  /** Stands for an object that is too large to be read at all; left out, such an object is not there. */
  readonly unreadable?: (object: KubeObject) => T;
}

/** No name, label or annotation is longer in sum (the API server's limits), managedFields left out. */
const METADATA_BYTES = 1024 * 1024;
const SHORT: Selection = { bytes: 1024 };

/** All of metadata that anybody here reads. */
export const METADATA: Selection = {
  fields: {
    name: SHORT,
    namespace: SHORT,
    uid: SHORT,
    resourceVersion: SHORT,
    generation: SHORT,
    creationTimestamp: SHORT,
    labels: { bytes: METADATA_BYTES },
  },
};

const LIST_METADATA: Selection = { fields: { resourceVersion: SHORT, continue: { bytes: 16 * 1024 } } };
const STATUS: Selection = { fields: { code: SHORT, message: { bytes: 16 * 1024 } } };

export function readObject<T extends KubeObject>(json: Uint8Array, { selection, keep }: ObjectReading<T>): T {
  const { value, cut } = selectJson(json, selection);
  if (!hasMetadata(value) || typeof value.metadata.name !== 'string') throw new ApiError(0, 'an object has no name');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the API server's object, as it was selected
  const object = value as T;
  return keep ? keep(object, cut) : object;
}

export interface ListPage<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Undefined: the last page. */
  readonly token: string | undefined;
}

/** Milliseconds. Admissions wait no longer than this, and one object, for a page of a list. */
const SLICE = 5;

/** One object after the other, so that no more than one of them is in memory beyond what is kept. */
export async function readListPage<T extends KubeObject>(
  json: Uint8Array,
  reading: ObjectReading<T>,
): Promise<ListPage<T>> {
  const cursor = new JsonCursor(json);
  if (!cursor.isAt(OPEN_BRACE)) throw new ApiError(0, 'a list is no JSON object');
  const items: T[] = [];
  let metadata: { readonly resourceVersion?: string; readonly continue?: string } = {};
  for (const key of cursor.members()) {
    if (key === 'metadata') metadata = Object(selectJson(cursor.skip(), LIST_METADATA).value);
    else if (key === 'items' && cursor.isAt(OPEN_BRACKET))
      await readItems(cursor, (item) => items.push(readObject(item, reading)));
    else cursor.skip();
  }
  return { items, resourceVersion: metadata.resourceVersion ?? '', token: metadata.continue || undefined };
}

async function readItems(cursor: JsonCursor, each: (json: Uint8Array) => void): Promise<void> {
  let began = performance.now();
  for (const _ of cursor.elements()) {
    each(cursor.skip());
    if (performance.now() - began < SLICE) continue;
    await nextTurn();
    began = performance.now();
  }
}

/** One line of a watch (metav1.WatchEvent). */
export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  // Its object has a version and no name.
  | { readonly type: 'BOOKMARK'; readonly object: WithMetadata };

interface WithMetadata {
  readonly metadata: { readonly name?: unknown; readonly resourceVersion?: string };
}

/** An ERROR event (410 when the resource version is too old) and anything that is no event throw `ApiError`. */
export function readWatchEvent<T extends KubeObject>(line: Uint8Array, reading: ObjectReading<T>): WatchEvent<T> {
  const cursor = new JsonCursor(line);
  if (!cursor.isAt(OPEN_BRACE)) throw new ApiError(0, 'a watch event is no JSON object');
  let type: unknown;
  let object: Uint8Array | undefined;
  for (const key of cursor.members()) {
    const text = cursor.skip();
    if (key === 'type') type = selectJson(text, SHORT).value;
    if (key === 'object') object = text;
  }
  if (type === 'ERROR') throw watchError(object);
  if (object === undefined) throw new ApiError(0, 'a watch event has no object');
  if (type === 'BOOKMARK') return { type, object: readBookmark(object) };
  if (!isChange(type)) throw new ApiError(0, 'a watch event has an unknown type');
  return { type, object: readObject(object, reading) };
}

function isChange(type: unknown): type is 'ADDED' | 'MODIFIED' | 'DELETED' {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED';
}

function readBookmark(json: Uint8Array): WithMetadata {
  const { value } = selectJson(json, { fields: { metadata: METADATA } });
  if (!hasMetadata(value)) throw new ApiError(0, 'a watch event has no object');
  return value;
}

function watchError(status: Uint8Array | undefined): ApiError {
  const { code, message }: { code?: unknown; message?: unknown } =
    status === undefined ? {} : Object(selectJson(status, STATUS).value);
  const text = typeof message === 'string' ? message : 'no reason given';
  return new ApiError(typeof code === 'number' ? code : 0, `the watch ended: ${text.slice(0, 300)}`);
}

function hasMetadata(value: unknown): value is WithMetadata {
  const metadata: unknown = typeof value === 'object' && value !== null && 'metadata' in value && value.metadata;
  return typeof metadata === 'object' && metadata !== null;
}
