// SPDX-License-Identifier: Apache-2.0
import { claimsOf, widened } from '../../image/claim.ts';
import { parsePatterns } from '../../image/pattern.ts';
import type { ImagePattern } from '../../image/types.ts';
import type { Report } from '../problems/report.ts';

/**
 * Of all patterns of a policy, hosts and segments: each takes a place in the index that decisions go through. Of
 * namespaces there are many, and each may have 64 policies.
 */
const PARTS_MOST = { cluster: 2048, namespace: 512 };

export type PolicyScope = keyof typeof PARTS_MOST;

/** Of `spec.images`. One that can't be read, or has no room any more, is reported, and claims what it may mean. */
export function compilePatterns(
  images: readonly string[],
  scope: PolicyScope,
  report: Report,
): readonly ImagePattern[] {
  const most = PARTS_MOST[scope];
  const fit = createFit(most);
  return images.flatMap((text, index) => {
    const path = `spec.images[${index}]`;
    const patterns = report.attempt('InvalidPattern', path, () => parsePatterns(text)) ?? claimsOf(text);
    const fitting = fit(patterns);
    if (fitting !== patterns) {
      report.add('InvalidPattern', path, `all patterns to this one have more than ${most} parts together`);
    }
    return fitting;
  });
}

/** What texts claim of which nobody knows whether they are patterns. */
export function claimPatterns(texts: readonly string[], scope: PolicyScope): readonly ImagePattern[] {
  const fit = createFit(PARTS_MOST[scope]);
  return texts.flatMap((text) => fit(claimsOf(text)));
}

/** What comes when there are too many parts claims all of its host. */
function createFit(most: number): (patterns: readonly ImagePattern[]) => readonly ImagePattern[] {
  let parts = 0;
  return (patterns) => {
    for (const { segments } of patterns) parts += segments.length;
    return parts <= most ? patterns : patterns.map((pattern) => widened(pattern, 1));
  };
}
