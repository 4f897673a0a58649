// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import { ApiError } from './api-client.ts';
import { backoffDelay, type BackoffLimits } from './backoff.ts';

export interface WorkQueueOptions {
  readonly name: string;
  /** Called with one key at a time per key; a rejection is retried after a back-off. */
  readonly process: (key: string) => Promise<void>;
  /** Keys worked on at the same time. */
  readonly workers?: number;
  /** Whose a key is: of one party's keys one at a time is worked on, and parties take turns. Left out: each its own. */
  readonly partyOf?: (key: string) => string;
  readonly backoff?: BackoffLimits;
  readonly log: Logger;
  readonly metrics?: QueueMetrics;
  readonly random?: () => number;
}

export interface QueueMetrics {
  queueDepth(queue: string, depth: number): void;
  queueAdded(queue: string): void;
  queueRetried(queue: string): void;
}

export interface WorkQueue {
  /** A key that waits already is not added twice; one that is being worked on runs once more after. */
  add(key: string): void;
  readonly depth: number;
  /** Drops what waits, lets what runs end. */
  stop(): Promise<void>;
}

const BACKOFF: BackoffLimits = { first: 50, most: 60_000 };

export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const backoff = options.backoff ?? BACKOFF;
  const random = options.random ?? Math.random;
  const workers = options.workers ?? 1;
  /** Of each party, whose turn it is first. */
  const waiting = new Map<string, Set<string>>();
  let depth = 0;
  const partyOf = options.partyOf ?? ((key: string) => key);
  const running = new Map<string, Promise<void>>();
  /** With a key that is being worked on. */
  const busy = new Set<string>();
  const failures = new Map<string, number>();
  const timers = new Map<string, NodeJS.Timeout>();
  let stopped = false;

  function add(key: string): void {
    if (stopped || isWaiting(key)) return;
    // News about the key: do not sit out an old back-off.
    clearTimeout(timers.get(key));
    timers.delete(key);
    const party = partyOf(key);
    waiting.set(party, (waiting.get(party) ?? new Set()).add(key));
    depth += 1;
    options.metrics?.queueAdded(options.name);
    pump();
  }

  function isWaiting(key: string): boolean {
    return waiting.get(partyOf(key))?.has(key) === true;
  }

  function pump(): void {
    for (const [party, keys] of waiting) {
      if (running.size >= workers) break;
      const [key] = keys;
      if (key === undefined || busy.has(party)) continue;
      busy.add(party);
      running.set(key, work(key, party));
    }
    options.metrics?.queueDepth(options.name, depth);
  }

  async function work(key: string, party: string): Promise<void> {
    // What is added in one turn counts once, and `process` never runs inside of `add`.
    await Promise.resolve();
    try {
      if (!take(key, party)) return;
      await options.process(key);
      failures.delete(key);
    } catch (thrown) {
      retry(key, thrown);
    } finally {
      running.delete(key);
      busy.delete(party);
      toTheEnd(party);
      if (!stopped) pump();
    }
  }

  function take(key: string, party: string): boolean {
    const keys = waiting.get(party);
    if (keys?.delete(key) !== true) return false;
    depth -= 1;
    if (keys.size === 0) waiting.delete(party);
    return true;
  }

  /** After all that wait. */
  function toTheEnd(party: string): void {
    const keys = waiting.get(party);
    if (keys === undefined) return;
    waiting.delete(party);
    waiting.set(party, keys);
  }

  function retry(key: string, thrown: unknown): void {
    if (stopped) return;
    const count = failures.get(key) ?? 0;
    failures.set(key, count + 1);
    const asked = thrown instanceof ApiError ? (thrown.retryAfter ?? 0) : 0;
    const delay = Math.max(backoffDelay(count, backoff, random), Math.min(asked, backoff.most));
    options.log.warn('work failed and is tried again', {
      queue: options.name,
      key,
      error: errorText(thrown),
      delayMilliseconds: Math.round(delay),
    });
    options.metrics?.queueRetried(options.name);
    if (!isWaiting(key)) timers.set(key, setTimeout(add, delay, key));
  }

  async function stop(): Promise<void> {
    stopped = true;
    for (const timer of timers.values()) clearTimeout(timer);
    timers.clear();
    waiting.clear();
    depth = 0;
    await Promise.all(running.values());
    options.metrics?.queueDepth(options.name, 0);
  }

  return {
    add,
    get depth() {
      return depth;
    },
    stop,
  };
}
