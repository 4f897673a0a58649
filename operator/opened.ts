// SPDX-License-Identifier: Apache-2.0

/** What is open, to be closed in the reverse order. */
export interface Opened {
  /** Returns the part. */
  keep<Part>(part: Part, close: (part: Part) => Promise<unknown>): Part;
  /** Closes all, whatever one of them throws; never rejects. */
  closeAll(): Promise<void>;
}

export function createOpened(): Opened {
  const closing: (() => Promise<unknown>)[] = [];
  return {
    keep(part, close) {
      closing.push(() => close(part));
      return part;
    },
    async closeAll() {
      for (const close of closing.toReversed()) {
        try {
          await close();
        } catch {
          // The others are still to be closed.
        }
      }
    },
  };
}
