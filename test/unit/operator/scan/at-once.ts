// SPDX-License-Identifier: Apache-2.0
import type { Steps } from '../../../../operator/scan/in-turns.ts';

/** What comes of the work. */
export function atOnce<T>(steps: Steps<T>): T {
  return counted(steps).result;
}

/** And in how many steps. */
export function counted<T>(steps: Steps<T>): { readonly result: T; readonly count: number } {
  for (let count = 0; ; count += 1) {
    const { done, value } = steps.next();
    if (done === true) return { result: value, count };
  }
}
