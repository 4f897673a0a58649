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
  let waiting: Note[] = [];
  let omitted = 0;
  let nextAt = -Infinity;
  let sending: Promise<void> | undefined;

  function tell(note: Note): void {
    if (stopping.signal.aborted) return;
    const now = monotonic();
    const last = told.get(note.key);
    if (last !== undefined && now - last < limits.repeat) return onResult('repeated', 1);
    if (waiting.length >= limits.queue) {
      omitted += 1;
      return onResult('dropped', 1);
    }
    told.set(note.key, now);
    waiting.push(note);
    sending ??= sendAll().finally(() => {
      sending = undefined;
    });
  }

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      if (!(await pause(Math.max(limits.gather, nextAt - monotonic())))) return;
      nextAt = monotonic() + options.spacing();
      const batch = waiting.splice(0, limits.batch);
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
    waiting = [];
    await sending;
  }

  return { tell, stop };
}
