// SPDX-License-Identifier: Apache-2.0
import { EngineError } from './errors.ts';

/**
 * Settles as `work` does, or as `instead` does once the signal aborts, whatever `work` does then: its failure is
 * nobody's, its value goes to `late`, who closes what is open.
 */
// oxlint-disable-next-line max-params -- what is raced, and what becomes of either
export function orAborted<T, I>(
  work: Promise<T>,
  signal: AbortSignal,
  instead: () => I,
  late: (value: T) => void = () => undefined,
): Promise<T | I> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      work.then(late).catch(() => undefined);
      try {
        resolve(instead());
      } catch (error) {
        reject(error);
      }
    };
    if (signal.aborted) return giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    // At once, so that no abort between gives away as late what was taken in time.
    const inTime =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        signal.removeEventListener('abort', giveUp);
        settle(value);
      };
    work.then(inTime(resolve), inTime(reject));
  });
}

/** Settles as `work` does, or fails with `DeadlineExceeded` once the signal aborts, whatever `work` does. */
export function withinDeadline<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return orAborted(work, signal, () => {
    throw new EngineError('DeadlineExceeded', 'the decision was not reached in time');
  });
}
