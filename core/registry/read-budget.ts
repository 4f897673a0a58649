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
  const shared: Shared = { bytes: sharedBytes };
  return () => new SharingBudget(shared);
}

interface Shared {
  bytes: number;
}

class SharingBudget implements ReadBudget {
  readonly #shared: Shared;
  #spent = 0;
  #isSpent = false;
  #isOver = false;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  get isSpent(): boolean {
    return this.#isSpent;
  }

  expect(more: number): void {
    // What comes in after the end would be given back by nobody.
    if (this.#isOver) throw new EngineError('DeadlineExceeded', 'the decision that this was read for is over');
    if (this.#spent + more <= FREE_BYTES && this.#goingBeyond(more) <= this.#shared.bytes) return;
    this.#isSpent = true;
    throw new EngineError('DeadlineExceeded', 'there is more to read than one of many may hold');
  }

  spend(more: number): void {
    this.expect(more);
    this.#add(more);
  }

  hold(more: number): void {
    if (more > HELD_FOR_READ * FREE_BYTES) this.expect(Infinity);
  }

  release(): void {
    this.#add(-this.#spent);
    this.#isOver = true;
  }

  #add(bytes: number): void {
    this.#shared.bytes -= this.#goingBeyond(bytes);
    this.#spent += bytes;
  }

  /** How much of so many bytes would be of what is shared. */
  #goingBeyond(more: number): number {
    return beyondOwn(this.#spent + more) - beyondOwn(this.#spent);
  }
}

function beyondOwn(bytes: number): number {
  return Math.max(0, bytes - OWN_BYTES);
}

/** Of those of whom there are only a few at a time. */
export const UNBOUNDED: ReadBudget = { expect() {}, spend() {}, hold() {}, isSpent: false, release() {} };
