// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';

/** How much of what others wrote one decision may hold. */
export interface ReadBudget {
  /** Before so many bytes are read. @throws EngineError DeadlineExceeded, which says nothing of a registry or an image */
  expect(bytes: number): void;
  /** When they have come. @throws EngineError as `expect` */
  spend(bytes: number): void;
  /** Before evidence that takes so many bytes of memory is worked on. @throws EngineError as `expect` */
  hold(bytes: number): void;
  /** It was not enough: there is more to read. */
  readonly isSpent: boolean;
  /** Nothing of it is held any more, and nothing more is read by it. */
  release(): void;
}

/** Enough for dozens of signatures. What has more needs one of a few slots, for many at once would fill the memory. */
export const FREE_BYTES = 256 * 1024;
/** Enough for a few signatures: nobody else can use these up. */
const OWN_BYTES = 16 * 1024;
/** What goes beyond, of all decisions together. */
const SHARED_BYTES = 16 * 1024 * 1024;
/** Bytes that evidence takes in memory for each that was read, at most. */
const HELD_FOR_READ = 6;

/** Budgets that share what goes beyond each one's own part: of many large ones at once some are spent early. */
export function createReadBudgets(sharedBytes: number = SHARED_BYTES): () => ReadBudget {
  let shared = sharedBytes;
  return () => {
    let spent = 0;
    let isSpent = false;
    let isOver = false;
    const expect = (more: number): void => {
      // What comes in after the end would be given back by nobody.
      if (isOver) throw new EngineError('DeadlineExceeded', 'the decision that this was read for is over');
      if (spent + more <= FREE_BYTES && beyondOwn(spent + more) - beyondOwn(spent) <= shared) return;
      isSpent = true;
      throw new EngineError('DeadlineExceeded', 'there is more to read than one of many may hold');
    };
    const add = (bytes: number): void => {
      shared -= beyondOwn(spent + bytes) - beyondOwn(spent);
      spent += bytes;
    };
    return {
      expect,
      spend(more) {
        expect(more);
        add(more);
      },
      hold(more) {
        if (more > HELD_FOR_READ * FREE_BYTES) expect(Infinity);
      },
      get isSpent() {
        return isSpent;
      },
      release() {
        add(-spent);
        isOver = true;
      },
    };
  };
}

function beyondOwn(bytes: number): number {
  return Math.max(0, bytes - OWN_BYTES);
}

/** Of those of whom there are only a few at a time. */
export const UNBOUNDED: ReadBudget = { expect() {}, spend() {}, hold() {}, isSpent: false, release() {} };
