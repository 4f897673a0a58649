// SPDX-License-Identifier: Apache-2.0
import { orAborted } from '../../deadline.ts';
import type { Clock } from '../../observe.ts';
import { createRecentlyUsed } from '../../recently-used.ts';

/** Under way, and kept: no matter of one decision's memory, so there are few. */
const MOST = 32;
/** So long is an answer good, and so long is one waited for that is on its way. */
const GOOD_MILLISECONDS = 2500;

/** Answers to questions that were asked before it was known whether they are needed. Each is used once. */
export interface AskedAhead<Answer> {
  /**
   * @param question is given a signal by which it ends unless it has been sent; undefined, or a failure: as if it had
   * not been asked
   * @returns when it has ended; never rejects
   */
  ask(key: string, question: (needed: AbortSignal) => Promise<Answer | undefined>): Promise<void>;
  /** Undefined: it was not asked ahead, so that the reader has to ask. */
  take(key: string, signal: AbortSignal): Promise<Answer | undefined>;
}

interface Entry<Answer> {
  readonly answer: Promise<Answer | undefined>;
  readonly needed: AbortController;
  readonly at: number;
}

/**
 * Whoever takes an answer is never later than if nobody had asked, but where a question was sent and its answer is slow:
 * what has not been sent by then is not sent any more.
 */
export function createAskedAhead<Answer>(clock: Clock): AskedAhead<Answer> {
  const entries = createRecentlyUsed<Entry<Answer>>(MOST);
  let underWay = 0;
  return {
    async ask(key, question) {
      if (underWay >= MOST) return;
      underWay += 1;
      const needed = new AbortController();
      const answer = orNothing(question(needed.signal)).finally(() => (underWay -= 1));
      entries.set(key, { answer, needed, at: clock() });
      await answer;
    },
    async take(key, signal) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entry.needed.abort();
      const left = GOOD_MILLISECONDS - (clock() - entry.at);
      if (left <= 0) return undefined;
      const patience = AbortSignal.any([signal, AbortSignal.timeout(Math.min(left, GOOD_MILLISECONDS))]);
      return orAborted(entry.answer, patience, () => undefined);
    },
  };
}

async function orNothing<Answer>(answer: Promise<Answer | undefined>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch {
    return undefined;
  }
}
