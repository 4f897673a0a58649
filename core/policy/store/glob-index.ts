// SPDX-License-Identifier: Apache-2.0
import { compileGlob, globMatches } from '../../image/glob.ts';
import type { Glob } from '../../image/glob.ts';

export interface GlobEdge<T> {
  readonly segment: string;
  readonly glob: Glob;
  readonly target: T;
}

/**
 * The globs of one place in the trie, bucketed by their fixed start, or else their fixed end. A text is then
 * held against the globs that its own starts and ends lead to, not against all: 10,000 policies for
 * `team-1-*`, `team-2-*`, … cost no more than ten.
 */
export type GlobIndex<T> = Map<string, ReadonlyMap<string, GlobEdge<T>>>;

/** Below this, looking at each bucket is cheaper than cutting the text up. */
const FEW = 8;

export function getGlob<T>(index: GlobIndex<T>, segment: string): T | undefined {
  return index.get(anchorOf(segment))?.get(segment)?.target;
}

/** Changes the index, but no bucket in it: copies of the index may share those. An undefined target removes the glob. */
export function setGlob<T>(index: GlobIndex<T>, segment: string, target: T | undefined): void {
  const anchor = anchorOf(segment);
  const bucket = new Map(index.get(anchor));
  if (target === undefined) bucket.delete(segment);
  else bucket.set(segment, { segment, glob: compileGlob(segment), target });
  if (bucket.size === 0) index.delete(anchor);
  else index.set(anchor, bucket);
}

/** The globs that match the whole of `text`; each that it is held against is a step, and without any left it finds none. */
export function matchingGlobs<T>(
  index: GlobIndex<T>,
  text: string | undefined,
  steps: { left: number },
): readonly GlobEdge<T>[] {
  if (text === undefined) return [];
  const found: GlobEdge<T>[] = [];
  for (const bucket of index.size <= FEW ? index.values() : bucketsFor(index, text)) {
    steps.left -= bucket.size;
    if (steps.left < 0) return [];
    for (const edge of bucket.values()) {
      if (globMatches(edge.glob, text)) found.push(edge);
    }
  }
  return found;
}

function* bucketsFor<T>(index: GlobIndex<T>, text: string): Generator<ReadonlyMap<string, GlobEdge<T>>> {
  const floating = index.get('');
  if (floating !== undefined) yield floating;
  for (let length = 1; length <= text.length; length++) {
    const byStart = index.get(`^${text.slice(0, length)}`);
    if (byStart !== undefined) yield byStart;
    const byEnd = index.get(`$${text.slice(-length)}`);
    if (byEnd !== undefined) yield byEnd;
  }
}

function anchorOf(segment: string): string {
  const start = segment.slice(0, segment.indexOf('*'));
  if (start !== '') return `^${start}`;
  const end = segment.slice(segment.lastIndexOf('*') + 1);
  return end === '' ? '' : `$${end}`;
}
