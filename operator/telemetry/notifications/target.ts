// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { createRecentlyUsed } from '../../../core/recently-used.ts';
import type { Note } from './note.ts';

export interface TargetLimits {
  /** Milliseconds in which the same is told once. */
  readonly repeat: number;
  /** Milliseconds that a first note waits for others. */
  readonly gather: number;
  readonly queue: number;
  readonly batch: number;
  /** Milliseconds before the second and last try. */
  readonly retry: number;
}

export interface TargetOptions {
  /** One try. Never rejects. */
  readonly send: (notes: readonly Note[], omitted: number) => Promise<'sent' | 'refused' | 'unanswered'>;
  /** Milliseconds from one message to the next. */
  readonly spacing: () => number;
  readonly onResult: (result: NotificationResult, notes: number) => void;
  readonly limits: TargetLimits;
  readonly monotonic: () => number;
}

/** What became of refusals to tell of; `repeated`: told a short while before, `dropped`: the queue was full. */
export type NotificationResult = 'sent' | 'failed' | 'dropped' | 'repeated';

export interface Target {
  /** Never waits, never fails. */
  tell(note: Note): void;
  stop(): Promise<void>;
}

const REMEMBERED = 4096;

/** What waits to be told to one address: bounded, gathered into messages, and sent no faster than was asked for. */
export function createTarget(options: TargetOptions): Target {
  const { limits, monotonic, onResult } = options;
  const told = createRecentlyUsed<number>(REMEMBERED);
  const stopping = new AbortController();
  const waiting = new Map<string, Note[]>();
  let held = 0;
  let omitted = 0;
  let nextAt = -Infinity;
  let sending: Promise<void> | undefined;

  function tell(note: Note): void {
    if (stopping.signal.aborted) return;
    const now = monotonic();
    const last = told.get(note.key);
    if (last !== undefined && now - last < limits.repeat) return onResult('repeated', 1);
    if (held >= limits.queue && !makeRoom(note)) return drop();
    told.set(note.key, now);
    const own = waiting.get(note.namespace) ?? [];
    own.push(note);
    waiting.set(note.namespace, own);
    held += 1;
    sending ??= sendAll().finally(() => {
      sending = undefined;
    });
  }

  /** The last of the namespace that has most waiting goes, unless that is the note's own. */
  function makeRoom({ namespace }: Note): boolean {
    const [most, notes] = [...waiting].reduce((a, b) => (b[1].length > a[1].length ? b : a));
    const last = notes.length > (waiting.get(namespace)?.length ?? 0) + 1 ? notes.pop() : undefined;
    if (last === undefined) return false;
    held -= 1;
    told.delete(last.key);
    if (notes.length === 0) waiting.delete(most);
    drop();
    return true;
  }

  function drop(): void {
    omitted += 1;
    onResult('dropped', 1);
  }

  /** The oldest of each namespace in turns, so that none waits for all of another's. */
  function nextBatch(): readonly Note[] {
    const batch: Note[] = [];
    // What is set again comes once more, after all others.
    for (const [namespace, notes] of waiting) {
      const note = notes.shift();
      if (note === undefined) continue;
      batch.push(note);
      held -= 1;
      waiting.delete(namespace);
      if (notes.length > 0) waiting.set(namespace, notes);
      if (batch.length >= limits.batch) break;
    }
    return batch;
  }

  async function sendAll(): Promise<void> {
    while (held > 0) {
      if (!(await pause(Math.max(limits.gather, nextAt - monotonic())))) return;
      nextAt = monotonic() + options.spacing();
      const batch = nextBatch();
      const unlisted = omitted;
      omitted = 0;
      const sent = await sendTwice(batch, unlisted);
      onResult(sent ? 'sent' : 'failed', batch.length);
    }
  }

  /** A refused message is not sent again: the next try would be refused alike. */
  async function sendTwice(batch: readonly Note[], unlisted: number): Promise<boolean> {
    const first = await options.send(batch, unlisted);
    if (first !== 'unanswered' || !(await pause(limits.retry))) return first === 'sent';
    return (await options.send(batch, unlisted)) === 'sent';
  }

  /** False: the end has come meanwhile. */
  async function pause(milliseconds: number): Promise<boolean> {
    // Nothing is worth staying alive for that nobody waits for.
    const timer = sleep(milliseconds, undefined, { signal: stopping.signal, ref: false });
    await timer.catch(() => undefined);
    return !stopping.signal.aborted;
  }

  async function stop(): Promise<void> {
    stopping.abort();
    waiting.clear();
    held = 0;
    await sending;
  }

  return { tell, stop };
}
