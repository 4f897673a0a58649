// SPDX-License-Identifier: Apache-2.0
import { referenceSegments } from '../image/pattern.ts';
import type { ImagePattern, ImageReference } from '../image/types.ts';
import type { PolicySnapshot } from './store.ts';
import { visitClaims } from './trie.ts';
import type { Claim } from './trie.ts';
import type { CompiledPolicy, NamespaceContext } from './types.ts';

/** The API server sets this label on every namespace, and nobody can change it. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** Who speaks for an image: none, one, or several tied on one pattern that must all be satisfied. */
export interface MatchedPolicies {
  /** By name. */
  readonly policies: readonly CompiledPolicy[];
  /** The pattern that they share, as the first of them wrote it; undefined where there are none. */
  readonly pattern?: ImagePattern;
}

/** One matching pattern, with the policies that have it. */
export interface RankedMatch {
  readonly pattern: ImagePattern;
  readonly policies: readonly { readonly policy: CompiledPolicy; readonly selectsNamespace: boolean }[];
}

type Matchable = Omit<ImageReference, 'original'>;

const NONE: MatchedPolicies = { policies: [] };

/**
 * Of the policies whose selector selects the namespace, those with the most specific matching pattern. A policy
 * that is not for the namespace does not shadow a less specific one that is. The tag is never looked at: beside
 * a digest it is text of the writer's choice.
 */
export function matchPolicies(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
): MatchedPolicies {
  const labels = labelsOf(namespace);
  let found = NONE;
  visitAll(snapshot, reference, (claims) => {
    const selected = claims.filter(({ policy }) => selects(policy, labels));
    const [first] = selected;
    if (first === undefined) return false;
    found = { policies: selected.map(({ policy }) => policy), pattern: first.pattern };
    return true;
  });
  return found;
}

/**
 * Whether a pattern with a digest could match this image once its tag is resolved: a digest that is denied must
 * not run by way of a tag.
 */
export function mayMatchByDigest({ index }: PolicySnapshot, reference: Matchable): boolean {
  return reference.digest === undefined && visitClaims(index.withDigest, referenceSegments(reference), () => true);
}

/** All matching patterns, the most specific first, for explanations: the first that is selected speaks. */
export function rankMatches(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
): readonly RankedMatch[] {
  const labels = labelsOf(namespace);
  const ranked: RankedMatch[] = [];
  visitAll(snapshot, reference, (claims) => {
    const [first] = claims;
    if (first === undefined) return false;
    const policies = claims.map(({ policy }) => ({ policy, selectsNamespace: selects(policy, labels) }));
    ranked.push({ pattern: first.pattern, policies });
    return false;
  });
  return ranked;
}

function visitAll({ index }: PolicySnapshot, reference: Matchable, visit: (claims: readonly Claim[]) => boolean): void {
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
