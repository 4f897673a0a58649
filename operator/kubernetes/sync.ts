// SPDX-License-Identifier: Apache-2.0
import type { Reflector } from './reflector.ts';
import type { KubeObject } from './api-client.ts';

export type Followed = Pick<Reflector<KubeObject>, 'name' | 'isSynced' | 'lastHeardAt'>;

/** Milliseconds. What nobody confirmed for so long is not to be relied on, or sooner: `staleAfter`. */
export const STALE = 180_000;

/**
 * From which age on a replica asks not to be called, where it decides nothing any more from `most` on. In between its
 * callers leave it one by one: none of them should come to hear that nothing is decided. Milliseconds.
 */
export function staleAfter(most: number): number {
  return Math.min(STALE, most / 2);
}

/**
 * Which collections can't be relied on, and why; none: ready. A replica that is cut off from the API server goes on
 * answering by what it knows: at first also to those who call it through the Service, later to nobody new.
 */
export function syncReasons(followed: readonly Followed[], now: number, stale: number): readonly string[] {
  return followed.flatMap(({ name, isSynced, lastHeardAt }) => {
    if (!isSynced) return [`${name} were not listed yet`];
    return now - lastHeardAt > stale ? [`${name} were not confirmed for too long`] : [];
  });
}

/**
 * Why nothing may be decided by these collections; undefined: it may. What was never listed looks like a cluster without
 * policies, and what is old may have been revoked. Milliseconds.
 */
export function outdatedReason(followed: readonly Followed[], now: number, most: number): string | undefined {
  const first = followed.find(({ isSynced, lastHeardAt }) => !isSynced || now - lastHeardAt > most);
  if (first === undefined) return undefined;
  if (!first.isSynced) return `this replica has not listed ${first.name} yet`;
  return `this replica has not heard of ${first.name} for ${Math.floor((now - first.lastHeardAt) / 1000)} s`;
}
