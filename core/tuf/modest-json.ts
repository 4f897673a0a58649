// SPDX-License-Identifier: Apache-2.0
import { parseJson } from '../json.ts';

/** Of one object or list; the metadata of Sigstore's own repository have a few dozen. */
const MAXIMUM_MEMBERS = 1000;

/**
 * Refuses metadata that two readers could read differently, and such that would keep one busy: the library copies what
 * it has read for each further member, before it looks at signatures. Whoever serves the files could make admissions
 * wait by it.
 * @throws Error with one sentence.
 */
export function requireModestJson(bytes: Buffer, maximumBytes: number, url: string): void {
  const open = [parseJson(bytes, maximumBytes, url)];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const members: unknown[] = typeof value === 'object' && value !== null ? Object.values(value) : [];
    if (members.length > MAXIMUM_MEMBERS) {
      throw new Error(`${url} has more than ${MAXIMUM_MEMBERS} members in one place`);
    }
    open.push(...members);
  }
}
