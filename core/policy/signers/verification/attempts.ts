// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../../text.ts';
import type { Proven } from './proven.ts';

/** A failure to prove is an answer, not an exception. */
export async function attempt<T>(work: () => Promise<T>): Promise<Proven<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, reason: errorText(error) };
  }
}

/** The value of a key, made where there is none. */
export function entry<K extends object, V>(map: WeakMap<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
