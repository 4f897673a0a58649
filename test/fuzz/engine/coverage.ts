// SPDX-License-Identifier: Apache-2.0
import type { Probes } from './instrument.ts';

/** Probes passed so far, each with how often, roughly: a loop that runs further is new too. */
export class Coverage {
  readonly #probes: Probes;
  readonly #seen: Uint8Array;

  constructor(probes: Probes) {
    this.#probes = probes;
    this.#seen = new Uint8Array(probes.hits.length);
  }

  begin(): void {
    this.#probes.hits.fill(0, 0, this.#probes.count());
  }

  /** Takes in what was passed since `begin`. @returns whether any of it is new */
  grew(): boolean {
    const { hits } = this.#probes;
    let grew = false;
    for (let probe = 0; probe < this.#probes.count(); probe++) {
      const bit = bucketOf(hits[probe] ?? 0);
      const seen = this.#seen[probe] ?? 0;
      if ((seen & bit) === bit) continue;
      this.#seen[probe] = seen | bit;
      grew = true;
    }
    return grew;
  }

  /** Probes passed at least once. */
  get edges(): number {
    return this.#seen.reduce((count, seen) => (seen === 0 ? count : count + 1), 0);
  }
}

/** None; then 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more: one bit each. */
function bucketOf(times: number): number {
  if (times < 4) return [0, 1, 2, 4][times] ?? 0;
  if (times < 32) return 8 << (Math.floor(Math.log2(times)) - 2);
  return times < 128 ? 64 : 128;
}
