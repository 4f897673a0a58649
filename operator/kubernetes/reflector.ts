// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import { ApiError, isStatus, type KubeApi, type KubeObject } from './api-client.ts';
import { backoffDelay, pause, type BackoffLimits } from './backoff.ts';
import { ListReader } from './list-reader.ts';
import type { ObjectReading } from './object-reader.ts';
import { watchEvents } from './watch-lines.ts';

export interface Change<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly api: KubeApi;
  /** For logs and metrics: `imagepolicies`. */
  readonly name: string;
  /** Collection, with `apiPath`. */
  readonly path: string;
  readonly fieldSelector?: string;
  /** The kind may not be installed: then 404 says that there is no object. Left out, it is a failure like others. */
  readonly mayBeAbsent?: boolean;
  /** What is needed of each object. */
  readonly reading: ObjectReading<T>;
  /** An object is too large to be read, and is taken for what `reading` says. */
  readonly onUnreadable?: (key: string) => void;
  /** How many objects are larger than what is read of one; also where there are none. */
  readonly onPartlyRead?: PartlyRead;
  /** All that one answer changed, in one call: a list is applied whole. */
  readonly onChanges: (changes: readonly Change<T>[]) => void;
  readonly log: Logger;
  /** Milliseconds that only grow: a wall clock that is set back must not make old news young. */
  readonly monotonic?: () => number;
  readonly random?: () => number;
  readonly timings?: Partial<ReflectorTimings>;
}

/** @param collection plural of the kind: `imagepolicies` */
export type PartlyRead = (collection: string, objects: number) => void;

/** Milliseconds. */
export interface ReflectorTimings {
  /** The server is asked to end each watch after this; a quiet one must end by itself. */
  readonly watch: number;
  /** A watch that outlives its time by this is black-holed. */
  readonly margin: number;
  /** A full list is taken at least this often, whatever the watches say. */
  readonly relist: number;
  readonly backoff: BackoffLimits;
}

const TIMINGS: ReflectorTimings = {
  watch: 60_000,
  margin: 5_000,
  relist: 600_000,
  // The ceiling is how late a replica may hear of a change after an outage.
  backoff: { first: 250, most: 5_000 },
};
const RETRY_AFTER_MOST = 60_000;

/**
 * A local copy of one collection: list, then watch, for ever. Whatever goes wrong (410, a reset, a
 * storm of 5xx, silence) ends in a new list after a jittered back-off, and a list is compared with
 * the copy, so that what was deleted meanwhile is noticed. The copy of the last list stays readable
 * throughout; `lastHeardAt` tells how old it may be.
 */
export class Reflector<T extends KubeObject> {
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>;
  readonly name: string;

  #objects = new Map<string, T>();
  /** Keys of those of which something is left out. */
  readonly #partlyRead = new Set<string>();
  #resourceVersion = '';
  #listedAt = 0;
  #lastHeardAt = 0;
  #isSynced = false;
  #running: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  readonly #options: ReflectorOptions<T>;
  readonly #reading: ObjectReading<T>;
  readonly #lists: ListReader<T>;
  readonly #timings: ReflectorTimings;
  readonly #monotonic: () => number;
  readonly #random: () => number;
  readonly #markSynced: () => void;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#reading = this.#noting(options.reading);
    this.#lists = new ListReader<T>({
      ...options,
      reading: this.#reading,
      onUnreadable: ({ metadata }) => {
        const key = keyOf(metadata);
        this.#partlyRead.add(key);
        options.log.warn('an object is too large to be read', { collection: options.name, object: key });
        options.onUnreadable?.(key);
      },
    });
    this.name = options.name;
    this.#timings = { ...TIMINGS, ...options.timings };
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#markSynced = resolve;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** When the API server last said anything about this collection, by the monotonic clock; 0: never. */
  get lastHeardAt(): number {
    return this.#lastHeardAt;
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#objects.get(keyOf({ name, ...(namespace !== undefined && { namespace }) }));
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** After it resolves nothing is open and nothing is called any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#list();
        failures = 0;
        await this.#watchUntilRelist();
      } catch (thrown) {
        if (signal.aborted) return;
        const isAbsent = this.#options.mayBeAbsent === true && isStatus(thrown, 404);
        if (isAbsent) this.#replace(new Map(), '');
        const delay = this.#delayAfter(thrown, failures);
        if (!isAbsent || failures === 0) this.#tellOf(thrown, delay);
        failures += 1;
        await pause(delay, signal);
      }
    }
  }

  /** Notes of which objects something is left out. */
  #noting(reading: ObjectReading<T>): ObjectReading<T> {
    return {
      ...reading,
      keep: (object, cut) => {
        const kept = reading.keep ? reading.keep(object, cut) : object;
        const key = keyOf(kept.metadata);
        if (cut.length > 0) this.#partlyRead.add(key);
        else this.#partlyRead.delete(key);
        return kept;
      },
    };
  }

  #tellOfPartlyRead(): void {
    const plural = this.name.slice(this.name.lastIndexOf('/') + 1);
    this.#options.onPartlyRead?.(plural, this.#partlyRead.size);
  }

  #tellOf(thrown: unknown, delay: number): void {
    this.#options.log.warn('list or watch failed; listing again', {
      collection: this.name,
      error: errorText(thrown),
      delayMilliseconds: Math.round(delay),
    });
  }

  #delayAfter(thrown: unknown, failures: number): number {
    const delay = backoffDelay(failures, this.#timings.backoff, this.#random);
    // The version is too old: nothing is wrong with the server, so list soon.
    if (isStatus(thrown, 410)) return Math.min(delay, this.#timings.backoff.first);
    const asked = thrown instanceof ApiError ? (thrown.retryAfter ?? 0) : 0;
    return Math.max(delay, Math.min(asked, RETRY_AFTER_MOST) * (1 + this.#random() / 4));
  }

  async #list(): Promise<void> {
    const next = new Map<string, T>();
    this.#partlyRead.clear();
    const version = await this.#lists.list(this.#stopping.signal, (item) => next.set(keyOf(item.metadata), item));
    this.#replace(next, version);
  }

  #replace(next: Map<string, T>, version: string): void {
    const changes = difference(this.#objects, next);
    this.#objects = next;
    this.#resourceVersion = version;
    this.#listedAt = this.#heard();
    this.#tellOfPartlyRead();
    if (changes.length > 0) this.#emit(changes);
    this.#isSynced = true;
    this.#markSynced();
  }

  async #watchUntilRelist(): Promise<void> {
    const { signal } = this.#stopping;
    let empty = 0;
    while (!signal.aborted && this.#monotonic() - this.#listedAt < this.#timings.relist) {
      const startedAt = this.#monotonic();
      const events = await this.#watchOnce();
      // A server that ends every watch at once must not be asked in a tight loop.
      const hasty = events === 0 && this.#monotonic() - startedAt < Math.min(1000, this.#timings.watch / 2);
      empty = hasty ? empty + 1 : 0;
      if (hasty) await pause(backoffDelay(empty, this.#timings.backoff, this.#random), signal);
    }
  }

  /** Returns how many events came before the server ended the watch. */
  async #watchOnce(): Promise<number> {
    const seconds = Math.max(1, Math.ceil((this.#timings.watch / 1000) * (0.75 + this.#random() / 4)));
    const chunks = this.#options.api.stream({
      path: this.#options.path,
      query: this.#query({
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: this.#resourceVersion,
        timeoutSeconds: String(seconds),
      }),
      signal: this.#stopping.signal,
      timeout: seconds * 1000 + this.#timings.margin,
    });
    let count = 0;
    for await (const event of watchEvents<T>(chunks, this.#reading)) {
      if (this.#stopping.signal.aborted) return count;
      this.#heard();
      if (event === undefined) continue;
      count += 1;
      this.#resourceVersion = event.object.metadata.resourceVersion ?? this.#resourceVersion;
      if (event.type !== 'BOOKMARK') this.#apply({ type: event.type, object: event.object });
    }
    this.#heard();
    return count;
  }

  #apply(event: Change<T>): void {
    const key = keyOf(event.object.metadata);
    const known = this.#objects.has(key);
    if (event.type === 'DELETED') this.#partlyRead.delete(key);
    this.#tellOfPartlyRead();
    if (event.type === 'DELETED') {
      if (!known) return;
      this.#objects.delete(key);
      this.#emit([event]);
      return;
    }
    this.#objects.set(key, event.object);
    this.#emit([{ type: known ? 'MODIFIED' : 'ADDED', object: event.object }]);
  }

  /** A handler's fault is not the server's: the copy is right, and listing again would not help. */
  #emit(changes: readonly Change<T>[]): void {
    try {
      this.#options.onChanges(changes);
    } catch (thrown) {
      this.#options.log.error('a change could not be handled', { collection: this.name, error: errorText(thrown) });
    }
  }

  #heard(): number {
    this.#lastHeardAt = this.#monotonic();
    return this.#lastHeardAt;
  }

  #query(more: Record<string, string>): Record<string, string> {
    const { fieldSelector } = this.#options;
    return fieldSelector === undefined ? more : { fieldSelector, ...more };
  }
}

function keyOf(meta: { readonly name: string; readonly namespace?: string }): string {
  return meta.namespace === undefined ? meta.name : `${meta.namespace}/${meta.name}`;
}

function difference<T extends KubeObject>(before: ReadonlyMap<string, T>, after: ReadonlyMap<string, T>): Change<T>[] {
  const changes: Change<T>[] = [];
  for (const [key, object] of before) {
    if (!after.has(key)) changes.push({ type: 'DELETED', object });
  }
  for (const [key, object] of after) {
    const known = before.get(key);
    if (!known) changes.push({ type: 'ADDED', object });
    else if (known.metadata.resourceVersion !== object.metadata.resourceVersion) {
      changes.push({ type: 'MODIFIED', object });
    }
  }
  return changes;
}
