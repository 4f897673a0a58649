// SPDX-License-Identifier: Apache-2.0
import type { Reflector } from './reflector.ts';
import type { KubeObject } from './api-client.ts';

export type Followed = Pick<Reflector<KubeObject>, 'name' | 'isSynced' | 'lastHeardAt'>;

/** Milliseconds. What nobody confirmed for so long is not to be relied on. */
export const STALE = 180_000;

/**
 * Which collections can't be relied on, and why; none: ready. A replica that is cut off from the API server goes on
 * answering by what it knows: at first also to those who call it through the Service, later to nobody new.
 */
export function syncReasons(followed: readonly Followed[], now: number): readonly string[] {
  return followed.flatMap(({ name, isSynced, lastHeardAt }) => {
    if (!isSynced) return [`${name} were not listed yet`];
    return now - lastHeardAt > STALE ? [`${name} were not confirmed for too long`] : [];
  });
}
