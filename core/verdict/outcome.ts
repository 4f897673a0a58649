// SPDX-License-Identifier: Apache-2.0
import type { Mode } from '../policy/types.ts';

const STRICTNESS: Readonly<Record<Mode, number>> = { Enforce: 2, Warn: 1, Audit: 0 };

/** The item with the strictest mode; the first of equals. */
export function strictest<T extends { readonly mode: Mode }>(items: readonly T[]): T | undefined {
  let worst: T | undefined;
  for (const item of items) {
    if (worst === undefined || STRICTNESS[item.mode] > STRICTNESS[worst.mode]) {
      worst = item;
    }
  }
  return worst;
}

/** Enforce where nothing else is known. */
export function strictestMode(items: readonly { readonly mode: Mode }[]): Mode {
  return strictest(items)?.mode ?? 'Enforce';
}
