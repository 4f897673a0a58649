// SPDX-License-Identifier: Apache-2.0

/** Milliseconds from the moment in which the API server has taken a change until only the new answer is right. */
export const TOLERANCE = 1000;
/** States that ended so long ago are nobody's answer any more; a review lasts ten seconds at most. */
const FORGOTTEN = 60_000;

interface State {
  readonly text: string;
  readonly from: number;
  /** Infinity: in force. */
  until: number;
}

/** `changing`: right, at a moment in which another answer would have been right as well. */
export type Assessment = 'right' | 'changing' | 'wrong';

/** The right answer to one question, by time: policies change while it is asked. Times are `performance.now`. */
export class Timeline {
  #states: State[];
  #worst = 0;

  constructor(text: string) {
    this.#states = [{ text, from: -Infinity, until: Infinity }];
  }

  /** How long after a change was taken the last review began that was answered as before; milliseconds. */
  get slowestChange(): number {
    return this.#worst;
  }

  /** The right answer changes. `change` resolves once the API server has taken it; until then either is right. */
  async change(text: string, change: () => Promise<unknown>): Promise<void> {
    const before = this.#states.at(-1);
    const from = performance.now();
    this.#states = this.#states.filter(({ until }) => from - until < FORGOTTEN);
    this.#states.push({ text, from, until: Infinity });
    await change();
    if (before) before.until = performance.now() + TOLERANCE;
  }

  assess(text: string, startedAt: number, endedAt: number): Assessment {
    const possible = this.#states.filter(({ from, until }) => from <= endedAt && until >= startedAt);
    const found = possible.find((state) => state.text === text);
    if (found === undefined) return 'wrong';
    if (Number.isFinite(found.until)) this.#worst = Math.max(this.#worst, startedAt - (found.until - TOLERANCE));
    return possible.length === 1 ? 'right' : 'changing';
  }

  /** The answer that is right now. */
  get current(): string {
    return this.#states.at(-1)?.text ?? '';
  }
}
