// SPDX-License-Identifier: Apache-2.0

/** Steps of one evaluation: a schema or a condition on one attestation. Some 50 ns each. */
export const MAXIMUM_WORK = 4_000_000;

/**
 * Counts what an evaluation does, in steps that take about as long as each other. Unlike a clock it gives the same
 * verdict on a busy machine as on an idle one.
 */
export interface Work {
  /** @throws Error where that is more than is left, and at each call from then on. */
  readonly spend: (steps: number) => void;
  /** What is left; negative: it was not enough, whatever the evaluation made of that. */
  readonly left: () => number;
}

export function createWork(steps: number): Work {
  let left = steps;
  return {
    spend(amount) {
      left -= amount;
      if (left < 0) throw tooMuch(steps);
    },
    left: () => left,
  };
}

function tooMuch(steps: number): Error {
  return new Error(`takes more than ${steps} steps`);
}
