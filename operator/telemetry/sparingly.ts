// SPDX-License-Identifier: Apache-2.0

/** Times as long as it takes to make it. */
const KEPT = 9;

/**
 * What takes a while to be made, so that it takes a tenth of the time at the most, however often it is asked for: in
 * between, and while it is being made, all get the same.
 */
export function sparingly<T>(
  make: () => Promise<T>,
  monotonic: () => number = () => performance.now(),
): () => Promise<T> {
  let latest: Promise<T> | undefined;
  let until = -Infinity;
  return () => {
    if (latest !== undefined && monotonic() < until) return latest;
    const began = monotonic();
    until = Infinity;
    latest = make().finally(() => {
      const ended = monotonic();
      until = ended + KEPT * (ended - began);
    });
    return latest;
  };
}
