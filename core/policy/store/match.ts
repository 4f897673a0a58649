// SPDX-License-Identifier: Apache-2.0
import { compareTexts } from '../../text.ts';
import { claimsOf } from '../../image/claim.ts';
import { comparePatterns, mayOverlap } from '../../image/pattern.ts';
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
import { visitClaims, type Claim, type Steps } from './trie.ts';

/** The policies that apply to an image; all of them must be satisfied. */
export interface MatchedPolicies {
  /** Those of the cluster, then those of the namespace; by name. */
  readonly policies: readonly CompiledPolicy[];
  /** Whether one of the cluster's claims it by what is written, and not only because something can't be read. */
  readonly isCovered: boolean;
}

const NO_CLAIMS: readonly Claim[] = [];
const NO_POLICIES: readonly CompiledPolicy[] = [];

/**
 * Of the cluster's policies whose selector selects the namespace, those with the most specific matching pattern. A
 * policy that is not for the namespace does not shadow a less specific one that is. Nor does one that claims the image
 * only because something in it can't be read: it adds to the next, so that a slip in a lenient policy opens nothing that
 * a strict one keeps shut. Beside them the namespace's own
 * with their most specific pattern: the two are ranked apart, so that no namespaced policy takes an image from one
 * of the cluster. An exception that has expired claims nothing. The tag is never looked at: beside a digest it is text of
 * the writer's choice.
 *
 * @param now milliseconds since the epoch.
 */
export function matchPolicies(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
  now: number,
): MatchedPolicies {
  const isSelected = selector(namespace, now);
  const own = ownIndex(snapshot, namespace);
  const speaking = mostSpecific(snapshot.index, reference, isSelected);
  const adding = own === undefined ? NO_POLICIES : addingOf(own, snapshot, reference, { namespace, isSelected });
  const policies = [...speaking.map(({ policy }) => policy), ...adding];
  return { policies, isCovered: speaking.some(isAsWritten) };
}

/** Some milliseconds. Policies that people write take a hundredth. */
const OWN_STEPS = 20_000;

/**
 * The namespace's own. Whoever writes them must not keep the thread with it: where their patterns take too many steps,
 * all of them apply, which is never more lenient.
 */
// oxlint-disable-next-line max-params -- where to look, for what, and for whom
function addingOf(
  own: PatternIndex,
  snapshot: PolicySnapshot,
  reference: Matchable,
  { namespace, isSelected }: { readonly namespace: NamespaceContext; readonly isSelected: IsSelected },
): readonly CompiledPolicy[] {
  const steps = { left: OWN_STEPS };
  const claims = mostSpecific(own, reference, isSelected, steps);
  return steps.left < 0 ? ownPolicies(snapshot, namespace).filter(isSelected) : claims.map(({ policy }) => policy);
}

function ownPolicies({ policies }: PolicySnapshot, { name }: NamespaceContext): readonly CompiledPolicy[] {
  return [...policies.values()]
    .filter(({ namespace }) => namespace !== undefined && namespace === name)
    .toSorted((a, b) => compareTexts(a.name, b.name));
}

/** Of the claims that are selected those of the most specific pattern that one makes as written, and all before them. */
// oxlint-disable-next-line max-params -- where to look, for what, for whom and how long
function mostSpecific(
  index: PatternIndex,
  reference: Matchable,
  isSelected: IsSelected,
  steps?: Steps,
): readonly Claim[] {
  const groups: (readonly Claim[])[] = [];
  for (const texts of spellingsOf(reference)) {
    visitAll(
      index,
      reference.digest,
      texts,
      (claims) => {
        const selected = claims.filter(({ policy }) => isSelected(policy));
        if (selected.length > 0) groups.push(selected);
        return selected.some(isAsWritten);
      },
      steps,
    );
  }
  const [only] = groups;
  return groups.length > 1 ? untilAsWritten(groups, reference) : (only ?? NO_CLAIMS);
}

/** Each group is of one pattern; those of two are tied that only spell the host in different ways. */
function untilAsWritten(groups: readonly (readonly Claim[])[], reference: Matchable): readonly Claim[] {
  const order = (a: readonly Claim[], b: readonly Claim[]) => compareGroups(a, b, reference);
  const ordered = groups.toSorted(order);
  const last = ordered.find((claims) => claims.some(isAsWritten));
  const found = new Map<string, Claim>();
  for (const claims of ordered) {
    if (last !== undefined && order(claims, last) > 0) break;
    // A policy that claims as written and otherwise does so as written.
    for (const claim of claims)
      if (isAsWritten(claim) || !found.has(claim.policy.name)) found.set(claim.policy.name, claim);
  }
  return [...found.values()].toSorted(byName);
}

function compareGroups([a]: readonly Claim[], [b]: readonly Claim[], reference: Matchable): number {
  if (a === undefined || b === undefined) return 0;
  return comparePatterns(spelledAlike(a.pattern, reference), spelledAlike(b.pattern, reference));
}

function byName(a: Claim, b: Claim): number {
  return a.policy.name < b.policy.name ? -1 : 1;
}

/**
 * The policies that apply here and have a pattern with a digest which could match this image once its tag is resolved:
 * a digest that is denied must not run by way of a tag.
 */
export function policiesByDigest(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
  now: number,
): readonly CompiledPolicy[] {
  const own = ownIndex(snapshot, namespace);
  // Most clusters name no digest at all.
  const isNone = snapshot.index.withDigest === undefined && own?.withDigest === undefined;
  if (reference.digest !== undefined || isNone) return NO_POLICIES;
  const isSelected = selector(namespace, now);
  const found = new Set<CompiledPolicy>();
  const steps = { left: OWN_STEPS };
  const visit = (claims: readonly Claim[]) => {
    for (const { policy } of claims) if (isSelected(policy)) found.add(policy);
    return false;
  };
  for (const texts of spellingsOf(reference)) {
    visitClaims(snapshot.index.withDigest, texts, visit);
    visitClaims(own?.withDigest, texts, visit, steps);
  }
  if (steps.left < 0) for (const policy of ownPolicies(snapshot, namespace)) if (isSelected(policy)) found.add(policy);
  return [...found];
}

/**
 * The policies here that a text may have been meant for which is no reference: whose patterns share an image with what
 * can be read of it.
 */
export function policiesMeant(
  snapshot: PolicySnapshot,
  text: string,
  namespace: NamespaceContext,
  now: number,
): MatchedPolicies {
  const isSelected = selector(namespace, now);
  const texts = claimsOf(text);
  const claims = [...snapshot.policies.values()]
    .filter((policy) => (policy.namespace ?? namespace.name) === namespace.name && isSelected(policy))
    .flatMap((policy) => policy.patterns.map((pattern) => ({ policy, pattern })))
    .filter(({ pattern }) => texts.some((claimed) => mayOverlap(pattern, claimed)));
  return {
    policies: [...new Set(claims.map(({ policy }) => policy))],
    isCovered: claims.some((claim) => claim.policy.namespace === undefined && isAsWritten(claim)),
  };
}
