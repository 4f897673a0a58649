// SPDX-License-Identifier: Apache-2.0

/** Milliseconds that work takes a thousand times, the least of ten: a busy machine makes one of them slow, not all. */
export function leastTime(work: () => unknown): number {
  return Math.min(
    ...Array.from({ length: 10 }, () => {
      const began = performance.now();
      for (let count = 0; count < 1000; count += 1) work();
      return performance.now() - began;
    }),
  );
}
