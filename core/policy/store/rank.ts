// SPDX-License-Identifier: Apache-2.0
import { comparePatterns } from '../../image/pattern.ts';
import type { ImagePattern } from '../../image/types.ts';
import type { CompiledPolicy, NamespaceContext } from '../types.ts';
import {
  isAsWritten,
  ownIndex,
  selector,
  spelledAlike,
  spellingsOf,
  visitAll,
  type IsSelected,
  type Matchable,
} from './lookup.ts';
import type { PatternIndex, PolicySnapshot } from './store.ts';

/** One matching pattern, with the policies that have it. */
export interface RankedMatch {
  readonly pattern: ImagePattern;
  readonly policies: readonly {
    readonly policy: CompiledPolicy;
    /** And it has not expired. */
    readonly selectsNamespace: boolean;
    /** False: it claims the image only because something in it can't be read, and takes it from nobody. */
    readonly isAsWritten: boolean;
  }[];
}

/** All matching patterns of the cluster's policies, the most specific first. */
export function rankMatches(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
  now: number,
): readonly RankedMatch[] {
  return rank(snapshot.index, reference, selector(namespace, now));
}

/** Those of the matches that apply: all that are selected, up to the first of which one does as written. */
export function applyingMatches(ranked: readonly RankedMatch[]): readonly RankedMatch[] {
  const last = ranked.findIndex(({ policies }) => policies.some((each) => each.selectsNamespace && each.isAsWritten));
  const applying = last === -1 ? ranked : ranked.slice(0, last + 1);
  return applying.filter(({ policies }) => policies.some(({ selectsNamespace }) => selectsNamespace));
}

/** The same of the namespace's own policies, which apply beside the cluster's. */
export function rankOwnMatches(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
  now: number,
): readonly RankedMatch[] {
  const own = ownIndex(snapshot, namespace);
  return own === undefined ? [] : rank(own, reference, selector(namespace, now));
}

function rank(index: PatternIndex, reference: Matchable, isSelected: IsSelected): readonly RankedMatch[] {
  const ranked: RankedMatch[] = [];
  const spellings = spellingsOf(reference);
  for (const texts of spellings) {
    visitAll(index, reference.digest, texts, (claims) => {
      const [first] = claims;
      if (first === undefined) return false;
      const policies = claims.map((claim) => {
        const { policy } = claim;
        return { policy, selectsNamespace: isSelected(policy), isAsWritten: isAsWritten(claim) };
      });
      ranked.push({ pattern: first.pattern, policies });
      return false;
    });
  }
  return spellings.length === 1 ? ranked : withoutTies(ranked, reference);
}

/** Patterns that only spell the host in different ways are one. */
function withoutTies(matches: readonly RankedMatch[], reference: Matchable): readonly RankedMatch[] {
  const order = (a: RankedMatch, b: RankedMatch) =>
    comparePatterns(spelledAlike(a.pattern, reference), spelledAlike(b.pattern, reference));
  const ranked: RankedMatch[] = [];
  for (const match of matches.toSorted(order)) {
    const before = ranked.at(-1);
    if (before === undefined || order(before, match) !== 0) {
      ranked.push(match);
      continue;
    }
    const others = match.policies.filter(({ policy }) => !before.policies.some((known) => known.policy === policy));
    ranked[ranked.length - 1] = { ...before, policies: [...before.policies, ...others] };
  }
  return ranked;
}
