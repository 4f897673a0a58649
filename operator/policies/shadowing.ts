// SPDX-License-Identifier: Apache-2.0
import type { ImagePattern } from '../../core/image/types.ts';
import { hasExpired } from '../../core/policy/lifetime.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';

/** Every image has a host and at least one path segment. */
const SEGMENTS_LEAST = 2;

/**
 * The policies that take every image of this one; empty: some image is left to it. A more specific pattern
 * that matches all that another does is rare: literal and glob segments always match less. Only a trailing
 * `**` can be spelled more specifically without losing an image: with a `*` segment before it.
 */
export function shadowersOf(policy: CompiledPolicy, all: Iterable<CompiledPolicy>, now: number): readonly string[] {
  if (!mayBeShadowed(policy)) return [];
  // One with a selector leaves the other namespaces; those of a namespace are ranked among themselves.
  const others = [...all].filter(
    (other) =>
      other.name !== policy.name &&
      other.namespace === policy.namespace &&
      !other.namespaceSelector &&
      !hasExpired(other, now),
  );
  const shadowers = new Set<string>();
  for (const pattern of policy.patterns) {
    const taker = others.find(({ patterns }) => patterns.some((other) => takesAll(other, pattern)));
    if (!taker) return [];
    shadowers.add(taker.name);
  }
  return [...shadowers].toSorted();
}

/** Cheap: false for almost every policy, whatever the others are. */
export function mayBeShadowed({ patterns }: CompiledPolicy): boolean {
  return patterns.length > 0 && patterns.every(canBeShadowed);
}

function canBeShadowed({ segments, digest, unreadable }: ImagePattern): boolean {
  return (
    digest === undefined && unreadable === undefined && segments.at(-1) === '**' && segments.length <= SEGMENTS_LEAST
  );
}

/** `other` is `pattern` with one or more `*` before the last `**`, no more than every image has segments for. */
function takesAll(other: ImagePattern, pattern: ImagePattern): boolean {
  const prefix = pattern.segments.slice(0, -1);
  const stars = other.segments.slice(prefix.length, -1);
  return (
    other.digest === undefined &&
    other.unreadable === undefined &&
    other.segments.at(-1) === '**' &&
    other.segments.length - 1 <= SEGMENTS_LEAST &&
    stars.length > 0 &&
    stars.every((segment) => segment === '*') &&
    prefix.every((segment, index) => segment === other.segments[index])
  );
}
