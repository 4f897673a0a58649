// SPDX-License-Identifier: Apache-2.0
import { plainHttpTwin } from '../../image/host.ts';
import { referenceSegments } from '../../image/pattern.ts';
import type { Digest } from '../../image/digest.ts';
import type { ImagePattern, ImageReference } from '../../image/types.ts';
import { hasExpired } from '../lifetime.ts';
import type { CompiledPolicy, NamespaceContext } from '../types.ts';
import type { PatternIndex, PolicySnapshot } from './store.ts';
import { visitClaims, type Claim, type Steps } from './trie.ts';

/** The API server sets this label on every namespace, and nobody can change it. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** What policies are looked up for. The tag is never looked at. */
export interface Matchable extends Omit<ImageReference, 'original'> {
  /** The registry is asked by plain HTTP, so that its host with `:80` is the same host. */
  readonly plainHttp?: boolean;
}

/** Visits the claims of each matching pattern, the most specific first, until `visit` says that it has enough. */
// oxlint-disable-next-line max-params -- what is looked for in what, for whom, and how long
export function visitAll(
  index: PatternIndex,
  digest: Digest | undefined,
  texts: readonly string[],
  visit: (claims: readonly Claim[]) => boolean,
  steps?: Steps,
): void {
  const exact = digest === undefined ? undefined : index.byDigest.get(digest);
  [index.unreadableDigest, exact, index.general].some((root) => visitClaims(root, texts, visit, steps));
}

export type IsSelected = (policy: CompiledPolicy) => boolean;

/** Selects the policies that are for the namespace and have not expired. A namespace's own have no selector. */
export function selector(namespace: NamespaceContext, now: number): IsSelected {
  const labels = labelsOf(namespace);
  return (policy) => policy.namespaceSelector?.(labels) !== false && !hasExpired(policy, now);
}

/** The labels as they are in a cluster, where the name is one of them. */
function labelsOf({ name, labels }: NamespaceContext): NamespaceContext['labels'] {
  return name === undefined || labels[NAME_LABEL] === name ? labels : { ...labels, [NAME_LABEL]: name };
}

/** Whether the policy claims the image by what is written in it, not only because something in it can't be read. */
export function isAsWritten({ policy, pattern }: Claim): boolean {
  return pattern.unreadable === undefined && policy.partlyRead === undefined;
}

/** The pattern with the reference's host in its first spelling, where it has the second one. */
export function spelledAlike(pattern: ImagePattern, reference: Matchable): ImagePattern {
  const [first, second] = spellingsOf(reference);
  const [host = '', ...path] = pattern.segments;
  if (second === undefined || host !== second[0]) return pattern;
  const segments = [first[0] ?? host, ...path];
  return { ...pattern, segments, canonical: segments.join('/') };
}

/** What to look up in the index: one text a segment, and again where the host has a second spelling. */
export function spellingsOf(reference: Matchable): readonly [readonly string[], ...(readonly string[])[]] {
  const texts = referenceSegments(reference);
  const [host = '', ...path] = texts;
  const twin = reference.plainHttp === true ? plainHttpTwin(host) : host;
  return twin === host ? [texts] : [texts, [twin, ...path]];
}

export function ownIndex({ namespaced }: PolicySnapshot, { name }: NamespaceContext): PatternIndex | undefined {
  return name === undefined ? undefined : namespaced.get(name);
}
