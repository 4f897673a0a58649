// SPDX-License-Identifier: Apache-2.0

/** `Promise.all` over `items` with at most `limit` at a time; results in the order of the items. */
export async function mapInParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  // Nearly always there is one.
  const only = items.length === 1 ? items[0] : undefined;
  return only === undefined ? await mapByWorkers(items, limit, work) : [await work(only)];
}

async function mapByWorkers<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries(); // shared by the workers, so each item is taken once
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** Runs work when it has its turn. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** At most so many at once; the others wait, first come, first served. */
export function createTurns(most: number): InTurn {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < most) running += 1;
    else await new Promise<void>((go) => waiting.push(go));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
