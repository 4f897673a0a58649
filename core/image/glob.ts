// SPDX-License-Identifier: Apache-2.0

/** A segment with `*`, split at each: the texts that must appear in this order. At least two. */
export type Glob = readonly string[];

export function compileGlob(segment: string): Glob {
  return segment.split('*');
}

/** How much of a segment is fixed; more is more specific. */
export function literalCharacters(segment: string): number {
  return segment.replaceAll('*', '').length;
}

/**
 * Whether the whole of `text` matches. Taking each piece at its first place is right because a `*`
 * follows, and needs no backtracking: hostile patterns cost no more than friendly ones.
 */
export function globMatches(glob: Glob, text: string): boolean {
  const first = glob[0] ?? '';
  const last = glob.at(-1) ?? '';
  const end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  let position = first.length;
  for (const piece of glob.slice(1, -1)) {
    const found = text.indexOf(piece, position);
    if (found === -1) return false;
    position = found + piece.length;
  }
  return position <= end;
}
