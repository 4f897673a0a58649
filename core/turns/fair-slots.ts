// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { createFairQueue } from './fair-queue.ts';

/** What asks for a slot: one is for one subject, and an owner gets another only while more are free than it has. */
export interface SlotAsker {
  readonly owner: string;
  readonly subject: string;
}

/** A few may work at a time; all others wait, each within its own deadline. */
export interface FairSlots {
  /** @throws EngineError DeadlineExceeded */
  enter(asker: SlotAsker, signal: AbortSignal): Promise<Turn>;
}

export interface Turn {
  /** Aborted when it has lasted long enough and somebody waits who had less: end, leave, and enter again. */
  readonly over: AbortSignal;
  /** Gives the slot back, once nothing goes on in it any more. */
  readonly leave: () => void;
}

interface Waiter {
  readonly asker: SlotAsker;
  readonly signal: AbortSignal;
  readonly admit: () => void;
}

interface Working {
  readonly asker: SlotAsker;
  readonly since: number;
  readonly ending: AbortController;
}

export interface FairSlotsOptions {
  readonly slots: number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
}

/** Milliseconds for which a slot is kept, even while others wait. */
const TURN = 2000;
/** How often turns are looked at while somebody waits. */
const LOOK = 250;

/**
 * The next slot is for whose work took the least lately, so that nobody waits for one who asks for much; and after its
 * turn whoever had more makes room, so that nobody waits for one who keeps its slot, as a slow registry does.
 */
export function createFairSlots({ slots, now }: FairSlotsOptions): FairSlots {
  const queue = createFairQueue<Waiter>(now);
  const inside = new Set<Working>();
  let looking: NodeJS.Timeout | undefined;

  function fits({ asker, signal }: Waiter, others: readonly Working[]): boolean {
    const ofOwner = others.filter((other) => other.asker.owner === asker.owner).length;
    // So nobody has more than half, and two who keep theirs leave one for a third.
    const leavesSome = ofOwner < slots - others.length;
    // A caller that has gone gets its slot, and gives it back at once.
    return signal.aborted || (leavesSome && !others.some((other) => other.asker.subject === asker.subject));
  }

  function next(): void {
    while (inside.size < slots) {
      const others = [...inside];
      const first = queue.take((waiter) => fits(waiter, others))?.job;
      if (first === undefined) break;
      if (!first.signal.aborted) first.admit();
    }
    lookLater();
  }

  function lookLater(): void {
    if (looking !== undefined || !queue.has(({ signal }) => !signal.aborted)) return;
    looking = setTimeout(look, LOOK).unref();
  }

  function look(): void {
    looking = undefined;
    // What one leaves is given away first: who waits needs no more than one to go.
    const isSomeoneGoing = [...inside].some(({ ending }) => ending.signal.aborted);
    if (!isSomeoneGoing) mostTaken()?.ending.abort();
    lookLater();
  }

  /** Of those whose turn is over, and in whose place one would come who had less: the one who had most. */
  function mostTaken(): Working | undefined {
    const all = [...inside];
    return all
      .filter((one) => now() - one.since >= TURN && isWaitedFor(one, all))
      .toSorted((a, b) => taken(b.asker.owner) - taken(a.asker.owner) || a.since - b.since)[0];
  }

  function isWaitedFor(one: Working, all: readonly Working[]): boolean {
    const others = all.filter((other) => other !== one);
    const most = taken(one.asker.owner);
    return queue.has((waiter, owner) => !waiter.signal.aborted && taken(owner) < most && fits(waiter, others));
  }

  /** Lately, and by what it has now. */
  function taken(owner: string): number {
    const working = [...inside].filter(({ asker }) => asker.owner === owner);
    return working.reduce((sum, { since }) => sum + now() - since, queue.given(owner));
  }

  function begin(asker: SlotAsker): Turn {
    const working = { asker, since: now(), ending: new AbortController() };
    inside.add(working);
    const leave = () => {
      if (!inside.delete(working)) return;
      queue.charge(asker.owner, now() - working.since);
      next();
    };
    return { over: working.ending.signal, leave };
  }

  return {
    enter(asker, signal) {
      return new Promise((resolve, reject) => {
        const expire = () => reject(busy('nothing was free in time'));
        if (signal.aborted) return expire();
        const admit = () => {
          signal.removeEventListener('abort', expire);
          resolve(begin(asker));
        };
        if (!queue.add(asker.owner, { asker, signal, admit })) return reject(busy('too many wait already'));
        signal.addEventListener('abort', expire, { once: true });
        next();
      });
    },
  };
}

function busy(why: string): EngineError {
  return new EngineError('DeadlineExceeded', why);
}
