// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { createFairQueue } from './fair-queue.ts';

/** Who asks for a slot: one is for one subject, and an owner gets another only while more are free than it has. */
export interface SlotAsker {
  readonly owner: string;
  readonly subject: string;
}

/** A few may work at a time; all others wait, each within its own deadline. */
export interface FairSlots {
  /** @returns what gives the slot back, once. @throws EngineError DeadlineExceeded */
  enter(asker: SlotAsker, signal: AbortSignal): Promise<() => void>;
}

interface Waiter {
  readonly asker: SlotAsker;
  readonly signal: AbortSignal;
  readonly admit: () => void;
}

/**
 * The next slot is for whose work took the least lately, so that nobody waits for one who asks for much.
 *
 * @param now milliseconds that only grow.
 */
export function createFairSlots({ slots, now }: { readonly slots: number; readonly now: () => number }): FairSlots {
  const queue = createFairQueue<Waiter>(now);
  const inside = new Set<SlotAsker>();

  function fits({ asker, signal }: Waiter): boolean {
    const others = [...inside];
    const ofOwner = others.filter(({ owner }) => owner === asker.owner).length;
    // So nobody has more than half, and two who keep theirs to the end, as by slow registries, leave one for a third.
    const leavesSome = ofOwner < slots - inside.size;
    // Who has gone is let in, and leaves at once.
    return signal.aborted || (leavesSome && !others.some(({ subject }) => subject === asker.subject));
  }

  function next(): void {
    while (inside.size < slots) {
      const taken = queue.take(fits);
      if (taken === undefined) return;
      if (!taken.job.signal.aborted) {
        inside.add(taken.job.asker);
        taken.job.admit();
      }
    }
  }

  function leave(asker: SlotAsker, since: number): void {
    inside.delete(asker);
    queue.charge(asker.owner, now() - since);
    next();
  }

  return {
    enter(who, signal) {
      return new Promise((resolve, reject) => {
        const asker = { ...who };
        const expire = () => reject(busy('nothing was free in time'));
        if (signal.aborted) return expire();
        const admit = () => {
          signal.removeEventListener('abort', expire);
          const since = now();
          resolve(() => leave(asker, since));
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
