// SPDX-License-Identifier: Apache-2.0
import { pause } from '../kubernetes/backoff.ts';

export interface RequestBudget {
  /** Resolves once something may be spent, or the signal is aborted. */
  available(signal: AbortSignal): Promise<void>;
  /** What was spent is known only afterwards: it may be more than was left, and is waited for then. */
  spend(requests: number): void;
}

export interface RequestBudgetOptions {
  /** Asked at each use: the configuration may change. At least 1. */
  readonly perMinute: () => number;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

const MINUTE = 60_000;
/** So that a budget that grows is noticed soon. */
const WAIT_MOST = 5_000;

/** A token bucket that holds one minute's worth, and starts full: what runs is proven soon after a start. */
export function createRequestBudget({ perMinute, monotonic }: RequestBudgetOptions): RequestBudget {
  let left = perMinute();
  let filledAt = monotonic();

  function fill(): number {
    const now = monotonic();
    left = Math.min(perMinute(), left + ((now - filledAt) / MINUTE) * perMinute());
    filledAt = now;
    return left;
  }

  return {
    async available(signal) {
      while (!signal.aborted && fill() < 1) {
        const wait = ((1 - left) / perMinute()) * MINUTE;
        // At least a moment: rounding must not make it a tight loop.
        await pause(Math.max(10, Math.min(WAIT_MOST, wait)), signal);
      }
    },
    spend(requests) {
      left = fill() - requests;
    },
  };
}
