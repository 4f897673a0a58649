// SPDX-License-Identifier: Apache-2.0
import { createRecentlyUsed } from '../recently-used.ts';
import { parsePublicKey } from './public-key.ts';
import type { PublicKey } from './public-key.ts';

const MAXIMUM_KEYS = 10_000;

/**
 * `parsePublicKey` that gives one key object for one text: thousands of policies name the same few keys, and each
 * object holds several KiB outside of the heap.
 */
export function createKeyRing(): (pem: string) => PublicKey {
  const keys = createRecentlyUsed<PublicKey>(MAXIMUM_KEYS);
  return (pem) => {
    const known = keys.get(pem);
    if (known !== undefined) return known;
    const parsed = parsePublicKey(pem);
    keys.set(pem, parsed);
    return parsed;
  };
}
