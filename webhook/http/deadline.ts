// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../core/errors.ts';
import type { Arrival } from './door.ts';

/** Between telling the engine to stop and no longer waiting for it: time to answer in its policy's mode. */
const GRACE_MILLISECONDS = 100;
/** Kept for the way back, so that our own message arrives instead of the API server's generic timeout. */
const RETURN_MILLISECONDS = 500;

export interface Deadline {
  /** Aborted at the deadline, or when the caller has gone. */
  readonly signal: AbortSignal;
  /**
   * Rejects with DeadlineExceeded soon after the deadline, even if the work ignores the signal;
   * from then on no work is started. It races against a promise of its own, not the signal as `orAborted` does: between
   * the two is the time in which the work may still answer.
   */
  race<T>(work: () => Promise<T>): Promise<T>;
  end(): void;
}

/** Milliseconds left for a decision: the configured seconds, or less if the API server waits less. */
export function remainingMilliseconds(deadlineSeconds: number, arrival: Arrival): number {
  const { timeoutMilliseconds = Infinity, elapsedMilliseconds } = arrival;
  const apiServer = Math.max(timeoutMilliseconds - RETURN_MILLISECONDS, timeoutMilliseconds / 2);
  const left = Math.max(0, Math.min(deadlineSeconds * 1000, apiServer) - elapsedMilliseconds);
  // Node keeps timers of one duration in one list, so whole steps are cheaper than each its own.
  return left > TIMER_STEP_MILLISECONDS ? left - (left % TIMER_STEP_MILLISECONDS) : left;
}

const TIMER_STEP_MILLISECONDS = 20;

export function startDeadline(milliseconds: number, caller: AbortSignal): Deadline {
  const controller = new AbortController();
  const expired = Promise.withResolvers<never>();
  // Nobody may be racing when it rejects.
  expired.promise.catch(() => undefined);
  let over = false;
  const giveUp = (): void => {
    over = true;
    expired.reject(exceeded());
  };
  const expire = (): void => {
    controller.abort(exceeded());
    timer = setTimeout(giveUp, GRACE_MILLISECONDS);
  };
  let timer = setTimeout(expire, milliseconds);
  const onCallerGone = (): void => {
    controller.abort(caller.reason);
    giveUp();
  };
  if (caller.aborted) onCallerGone();
  else caller.addEventListener('abort', onCallerGone, { once: true });
  return {
    signal: controller.signal,
    race: async (work) => (over ? expired.promise : Promise.race([work(), expired.promise])),
    end: () => {
      clearTimeout(timer);
      caller.removeEventListener('abort', onCallerGone);
    },
  };
}

function exceeded(): EngineError {
  return new EngineError('DeadlineExceeded', 'no decision within the time that the API server waits');
}

/** A Go duration as the API server writes it (`10s`, `1m30s`, `500ms`), in milliseconds; undefined if it is none. */
export function parseGoDuration(text: string): number | undefined {
  // Three fixed, bounded parts: linear on any input.
  const match = /^(?:(\d{1,4})m(?!s))?(?:(\d{1,5}(?:\.\d{1,9})?)s)?(?:(\d{1,8}(?:\.\d{1,6})?)ms)?$/.exec(text);
  if (match === null || text === '') return undefined;
  const [, minutes = '0', seconds = '0', milliseconds = '0'] = match;
  return Number(minutes) * 60_000 + Number(seconds) * 1000 + Number(milliseconds);
}
