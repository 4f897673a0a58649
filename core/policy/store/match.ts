// SPDX-License-Identifier: Apache-2.0
import { plainHttpTwin } from '../../image/host.ts';
import { claimsOf } from '../../image/claim.ts';
import { comparePatterns, mayOverlap, referenceSegments } from '../../image/pattern.ts';
import type { Digest } from '../../image/digest.ts';
import type { ImagePattern, ImageReference } from '../../image/types.ts';
import type { PatternIndex, PolicySnapshot } from './store.ts';
import { visitClaims } from './trie.ts';
import type { Claim } from './trie.ts';
import type { CompiledPolicy, NamespaceContext } from '../types.ts';

/** The API server sets this label on every namespace, and nobody can change it. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Who speaks for an image; all of them must be satisfied. */
export interface MatchedPolicies {
  /** Those of the cluster (none, one, or several tied on one pattern), then those of the namespace; by name. */
  readonly policies: readonly CompiledPolicy[];
  /** The pattern that the cluster's share, as the first of them wrote it; undefined where there are none. */
  readonly pattern?: ImagePattern;
}

/** One matching pattern, with the policies that have it. */
export interface RankedMatch {
  readonly pattern: ImagePattern;
  readonly policies: readonly { readonly policy: CompiledPolicy; readonly selectsNamespace: boolean }[];
}

export interface Matchable extends Omit<ImageReference, 'original'> {
  /** The registry is asked by plain HTTP, so that its host with `:80` is the same host. */
  readonly plainHttp?: boolean;
}

const NO_CLAIMS: readonly Claim[] = [];
const NO_POLICIES: readonly CompiledPolicy[] = [];

/**
 * Of the cluster's policies whose selector selects the namespace, those with the most specific matching pattern. A
 * policy that is not for the namespace does not shadow a less specific one that is. Beside them the namespace's own
 * with their most specific pattern: the two are ranked apart, so that no namespaced policy takes an image from one
 * of the cluster. The tag is never looked at: beside a digest it is text of the writer's choice.
 */
export function matchPolicies(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
): MatchedPolicies {
  const labels = labelsOf(namespace);
  const own = ownIndex(snapshot, namespace);
  const speaking = mostSpecific(snapshot.index, reference, ({ policy }) => selects(policy, labels));
  const adding = own === undefined ? NO_CLAIMS : mostSpecific(own, reference, () => true);
  const policies = [...speaking, ...adding].map(({ policy }) => policy);
  const [first] = speaking;
  return first === undefined ? { policies } : { policies, pattern: first.pattern };
}

function mostSpecific(
  index: PatternIndex,
  reference: Matchable,
  isSelected: (claim: Claim) => boolean,
): readonly Claim[] {
  let found = NO_CLAIMS;
  for (const texts of spellingsOf(reference)) {
    visitAll(index, reference.digest, texts, (claims) => {
      const selected = claims.filter(isSelected);
      if (selected.length > 0) found = moreSpecific(found, selected, reference);
      return selected.length > 0;
    });
  }
  return found;
}

/** Of two groups, each of one pattern, the more specific one; both where they are tied but for the spelling of the host. */
function moreSpecific(one: readonly Claim[], other: readonly Claim[], reference: Matchable): readonly Claim[] {
  const [a, b] = [one[0], other[0]];
  if (a === undefined || b === undefined) return a === undefined ? other : one;
  const order = comparePatterns(spelledAlike(a.pattern, reference), spelledAlike(b.pattern, reference));
  if (order !== 0) return order < 0 ? one : other;
  const names = new Set(one.map(({ policy }) => policy.name));
  return [...one, ...other.filter(({ policy }) => !names.has(policy.name))].toSorted(byName);
}

function byName(a: Claim, b: Claim): number {
  return a.policy.name < b.policy.name ? -1 : 1;
}

/** A pattern that writes the reference's host in its other spelling, as if it wrote it in the first. */
function spelledAlike(pattern: ImagePattern, reference: Matchable): ImagePattern {
  const [first, second] = spellingsOf(reference);
  const [host = '', ...path] = pattern.segments;
  if (second === undefined || host !== second[0]) return pattern;
  const segments = [first[0] ?? host, ...path];
  return { ...pattern, segments, canonical: segments.join('/') };
}

/** What to look up in the index: one text a segment, and again where the host has a second spelling. */
function spellingsOf(reference: Matchable): readonly [readonly string[], ...(readonly string[])[]] {
  const texts = referenceSegments(reference);
  const [host = '', ...path] = texts;
  const twin = reference.plainHttp === true ? plainHttpTwin(host) : host;
  return twin === host ? [texts] : [texts, [twin, ...path]];
}

function ownIndex({ namespaced }: PolicySnapshot, { name }: NamespaceContext): PatternIndex | undefined {
  return name === undefined ? undefined : namespaced.get(name);
}

/**
 * The policies that speak here and have a pattern with a digest which could match this image once its tag is resolved:
 * a digest that is denied must not run by way of a tag.
 */
export function policiesByDigest(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
): readonly CompiledPolicy[] {
  const roots = [snapshot.index.withDigest, ownIndex(snapshot, namespace)?.withDigest];
  // Most clusters name no digest at all.
  if (reference.digest !== undefined || roots.every((root) => root === undefined)) return NO_POLICIES;
  const labels = labelsOf(namespace);
  const found = new Set<CompiledPolicy>();
  for (const texts of spellingsOf(reference)) {
    for (const root of roots) {
      visitClaims(root, texts, (claims) => {
        for (const { policy } of claims)
          if (policy.namespace !== undefined || selects(policy, labels)) found.add(policy);
        return false;
      });
    }
  }
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
): readonly CompiledPolicy[] {
  const labels = labelsOf(namespace);
  const claims = claimsOf(text);
  return [...snapshot.policies.values()].filter(
    (policy) =>
      (policy.namespace === undefined ? selects(policy, labels) : policy.namespace === namespace.name) &&
      policy.patterns.some((pattern) => claims.some((claim) => mayOverlap(pattern, claim))),
  );
}

/** All matching patterns of the cluster's policies, the most specific first: the first that is selected speaks. */
export function rankMatches(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
): readonly RankedMatch[] {
  const labels = labelsOf(namespace);
  return rank(snapshot.index, reference, (policy) => selects(policy, labels));
}

/** The same of the namespace's own policies: the first speaks, beside the cluster's. */
export function rankOwnMatches(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
): readonly RankedMatch[] {
  const own = ownIndex(snapshot, namespace);
  return own === undefined ? [] : rank(own, reference, () => true);
}

function rank(
  index: PatternIndex,
  reference: Matchable,
  isSelected: (policy: CompiledPolicy) => boolean,
): readonly RankedMatch[] {
  const ranked: RankedMatch[] = [];
  const spellings = spellingsOf(reference);
  for (const texts of spellings) {
    visitAll(index, reference.digest, texts, (claims) => {
      const [first] = claims;
      if (first === undefined) return false;
      const policies = claims.map(({ policy }) => ({ policy, selectsNamespace: isSelected(policy) }));
      ranked.push({ pattern: first.pattern, policies });
      return false;
    });
  }
  if (spellings.length === 1) return ranked;
  return ranked.toSorted((a, b) =>
    comparePatterns(spelledAlike(a.pattern, reference), spelledAlike(b.pattern, reference)),
  );
}

function visitAll(
  index: PatternIndex,
  digest: Digest | undefined,
  texts: readonly string[],
  visit: (claims: readonly Claim[]) => boolean,
): void {
  const exact = digest === undefined ? undefined : index.byDigest.get(digest);
  [index.unreadableDigest, exact, index.general].some((root) => visitClaims(root, texts, visit));
}

function selects({ namespaceSelector }: CompiledPolicy, labels: NamespaceContext['labels']): boolean {
  return namespaceSelector === undefined || namespaceSelector(labels);
}

/** The labels as they are in a cluster, where the name is one of them. */
function labelsOf({ name, labels }: NamespaceContext): NamespaceContext['labels'] {
  return name === undefined || labels[NAME_LABEL] === name ? labels : { ...labels, [NAME_LABEL]: name };
}
