// SPDX-License-Identifier: Apache-2.0

/** Of all who wait, one goes on each time the event loop has looked at everything else: the first who came. */
export interface OneATurn {
  /** Returns what gives the place up. */
  wait(goOn: () => void): () => void;
}

/** However many long tasks there are, a short one waits for no more than one piece of them. */
export function createOneATurn(): OneATurn {
  const waiting = new Set<{ readonly goOn: () => void }>();
  let due: NodeJS.Immediate | undefined;

  function next(): void {
    const [first] = waiting;
    due = undefined;
    if (first === undefined) return;
    waiting.delete(first);
    look();
    first.goOn();
  }

  function look(): void {
    if (waiting.size > 0) due ??= setImmediate(next);
  }

  return {
    wait(goOn) {
      const place = { goOn };
      waiting.add(place);
      look();
      return () => void waiting.delete(place);
    },
  };
}
