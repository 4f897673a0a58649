// SPDX-License-Identifier: Apache-2.0
import type { Connection } from './connections.ts';

/** Bytes of bodies held at one time. */
export interface HeldLimits {
  /** Over all connections: parsed JSON takes many times its text. */
  readonly heldBytes: number;
  /** Of those that didn't prove where they come from: what is left of `heldBytes` is the API servers'. */
  readonly strangersBytes: number;
  /** Of those from one address. */
  readonly strangersOfSourceBytes: number;
}

/** What one body holds. */
export interface Held {
  /** Whether there is room; others may have given way for it. If not, what it held before is still held. */
  take(bytes: number): boolean;
  /** It is whole: from now on it gives way to none. */
  complete(): void;
  release(): void;
}

export interface HeldBytes {
  /** `giveWay`: its bytes are needed for another body, and must be let go at once. */
  open(connection: Pick<Connection, 'source' | 'isAuthenticated'>, giveWay: () => void): Held;
}

interface Entry {
  readonly source: string;
  readonly isStranger: boolean;
  readonly giveWay: () => void;
  isComplete: boolean;
  bytes: number;
}

/** Entries that count together: how many bytes they may hold, and hold. */
interface Share {
  readonly maximum: number;
  readonly held: () => number;
  readonly covers: (entry: Entry) => boolean;
}

/**
 * Strangers' bodies that are not whole give way to whatever needs their room, first the one that came forward longest
 * ago: an API server sends a review at once, who wants to keep others out waits.
 */
export function createHeldBytes(limits: HeldLimits): HeldBytes {
  /** Of strangers, in the order of their last bytes: others never give way. */
  const entries = new Set<Entry>();
  const sums = { all: 0, strangers: 0, sources: new Map<string, number>() };

  function add(entry: Entry, bytes: number): void {
    entry.bytes += bytes;
    sums.all += bytes;
    if (!entry.isStranger) return;
    sums.strangers += bytes;
    const ofSource = (sums.sources.get(entry.source) ?? 0) + bytes;
    if (ofSource === 0) sums.sources.delete(entry.source);
    else sums.sources.set(entry.source, ofSource);
  }

  const all: Share = { maximum: limits.heldBytes, held: () => sums.all, covers: () => true };

  const onlyAll: readonly Share[] = [all];

  /** The narrowest first. What is made of a whole body is let go in the same turn: only the sum of all matters. */
  function sharesOf({ source, isStranger, isComplete }: Entry): readonly Share[] {
    if (!isStranger || isComplete) return onlyAll;
    const ofSource: Share = {
      maximum: limits.strangersOfSourceBytes,
      held: () => sums.sources.get(source) ?? 0,
      covers: (other) => other.source === source,
    };
    return [ofSource, { maximum: limits.strangersBytes, held: () => sums.strangers, covers: () => true }, all];
  }

  function release(entry: Entry): void {
    if (entry.isStranger) entries.delete(entry);
    add(entry, -entry.bytes);
  }

  /** Whether it has room for so many more, once those have given way who must. */
  function hasRoom({ maximum, held, covers }: Share, more: number): boolean {
    const fits = (): boolean => held() + more <= maximum;
    if (fits()) return true;
    for (const entry of entries) {
      if (entry.isComplete || !covers(entry)) continue;
      release(entry);
      entry.giveWay();
      if (fits()) return true;
    }
    return false;
  }

  return {
    open({ source, isAuthenticated }, giveWay) {
      const entry: Entry = { source, isStranger: !isAuthenticated, giveWay, isComplete: false, bytes: 0 };
      return {
        take(bytes) {
          // Itself is not among those that give way to it.
          if (entry.isStranger) entries.delete(entry);
          const taken = sharesOf(entry).every((share) => hasRoom(share, bytes));
          if (taken) add(entry, bytes);
          if (entry.isStranger) entries.add(entry);
          return taken;
        },
        complete: () => {
          entry.isComplete = true;
        },
        release: () => release(entry),
      };
    },
  };
}
