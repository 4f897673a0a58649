// SPDX-License-Identifier: Apache-2.0
import { LRUCache } from 'lru-cache';

/**
 * At most so many entries; the one that was not used for longest goes first. With `max`, lru-cache sets the room for
 * all of them aside at once (for 100,000, 20 ms and 3 MiB); with sizes, of one each, it grows with what is there.
 */
export function createRecentlyUsed<Value extends object | string | number>(maximum: number): LRUCache<string, Value> {
  return new LRUCache({ maxSize: maximum, sizeCalculation: () => 1 });
}
