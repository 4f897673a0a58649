// SPDX-License-Identifier: Apache-2.0

/** Runs work of many parties, for each only so much at a time: what one asks for makes only its own requests wait. */
export type FairLimit = <T>(party: string, work: () => Promise<T>) => Promise<T>;

export interface FairLimitOptions {
  /** Of one party, at a time. */
  readonly running: number;
  /** Of one party; one more fails at once. */
  readonly waiting: number;
  readonly refuse: () => Error;
}

interface Line {
  running: number;
  readonly waiting: (() => void)[];
}

export function createFairLimit({ running, waiting, refuse }: FairLimitOptions): FairLimit {
  const lines = new Map<string, Line>();

  async function turn(line: Line): Promise<void> {
    if (line.running < running) {
      line.running += 1;
      return;
    }
    if (line.waiting.length >= waiting) throw refuse();
    const { promise, resolve } = Promise.withResolvers<void>();
    line.waiting.push(resolve);
    await promise;
  }

  /** The next one that waits takes over the place. */
  function leave(party: string, line: Line): void {
    const next = line.waiting.shift();
    if (next !== undefined) return next();
    line.running -= 1;
    if (line.running === 0) lines.delete(party);
  }

  return async (party, work) => {
    const line = lines.get(party) ?? { running: 0, waiting: [] };
    lines.set(party, line);
    await turn(line);
    try {
      return await work();
    } finally {
      leave(party, line);
    }
  };
}
