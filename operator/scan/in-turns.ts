// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work in small steps of about the same size, one between two of its `yield`s; what comes of it at the end. */
export type Steps<T> = Generator<void, T, undefined>;

/** A step takes some microseconds: so many are a millisecond or two, for which an admission may wait. */
export const STEPS_AT_ONCE = 256;

/** Takes the steps on the thread that serves admissions, which have their turn in between. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  for (let taken = 1; ; taken += 1) {
    const { done, value } = steps.next();
    if (done === true) return value;
    if (taken % STEPS_AT_ONCE === 0) await nextTurn();
  }
}
