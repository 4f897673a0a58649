// SPDX-License-Identifier: Apache-2.0
import type { ProvenEntry } from './transparency.ts';

/** Only a promise vouches for `integratedTime`. */
export function promisedTimes(entries: readonly ProvenEntry[]): readonly Date[] {
  return entries.flatMap(({ entry: { promise, integratedTime } }) =>
    promise === undefined || integratedTime === undefined ? [] : [new Date(integratedTime * 1000)],
  );
}
