// SPDX-License-Identifier: Apache-2.0
import { referenceSegments } from '../../image/pattern.ts';
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

type Matchable = Omit<ImageReference, 'original'>;

const NO_CLAIMS: readonly Claim[] = [];

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
  visitAll(index, reference, (claims) => {
    found = claims.filter(isSelected);
    return found.length > 0;
  });
  return found;
}

function ownIndex({ namespaced }: PolicySnapshot, { name }: NamespaceContext): PatternIndex | undefined {
  return name === undefined ? undefined : namespaced.get(name);
}

/**
 * Whether a pattern with a digest could match this image once its tag is resolved: a digest that is denied must
 * not run by way of a tag.
 */
export function mayMatchByDigest(snapshot: PolicySnapshot, reference: Matchable, namespace: NamespaceContext): boolean {
  if (reference.digest !== undefined) return false;
  const texts = referenceSegments(reference);
  return [snapshot.index, ownIndex(snapshot, namespace)].some((index) =>
    visitClaims(index?.withDigest, texts, () => true),
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
  visitAll(index, reference, (claims) => {
    const [first] = claims;
    if (first === undefined) return false;
    const policies = claims.map(({ policy }) => ({ policy, selectsNamespace: isSelected(policy) }));
    ranked.push({ pattern: first.pattern, policies });
    return false;
  });
  return ranked;
}

function visitAll(index: PatternIndex, reference: Matchable, visit: (claims: readonly Claim[]) => boolean): void {
  const texts = referenceSegments(reference);
  const exact = reference.digest === undefined ? undefined : index.byDigest.get(reference.digest);
  if (!visitClaims(exact, texts, visit)) visitClaims(index.general, texts, visit);
}

function selects({ namespaceSelector }: CompiledPolicy, labels: NamespaceContext['labels']): boolean {
  return namespaceSelector === undefined || namespaceSelector(labels);
}

/** The labels as they are in a cluster, where the name is one of them. */
function labelsOf({ name, labels }: NamespaceContext): NamespaceContext['labels'] {
  return name === undefined || labels[NAME_LABEL] === name ? labels : { ...labels, [NAME_LABEL]: name };
}
