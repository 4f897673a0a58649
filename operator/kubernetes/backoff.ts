// SPDX-License-Identifier: Apache-2.0

/** Milliseconds. */
export interface BackoffLimits {
  readonly first: number;
  readonly most: number;
}

/**
 * Exponential, with jitter: the upper half of the range is random, so that replicas that lost
 * the API server together do not return to it together. `attempt` counts from 0.
 */
export function backoffDelay(attempt: number, limits: BackoffLimits, random: () => number): number {
  const ceiling = Math.min(limits.most, limits.first * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
}

/** Resolves after `milliseconds`, or at once when the signal is aborted. Never rejects. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
