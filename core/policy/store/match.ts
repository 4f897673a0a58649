// SPDX-License-Identifier: Apache-2.0
import { compareTexts } from '../../text.ts';
import { plainHttpTwin } from '../../image/host.ts';
import { claimsOf } from '../../image/claim.ts';
import { comparePatterns, mayOverlap, referenceSegments } from '../../image/pattern.ts';
import type { Digest } from '../../image/digest.ts';
import type { ImagePattern, ImageReference } from '../../image/types.ts';
import type { PatternIndex, PolicySnapshot } from './store.ts';
import { visitClaims } from './trie.ts';
import type { Claim, Steps } from './trie.ts';
import { hasExpired } from '../lifetime.ts';
import type { CompiledPolicy, NamespaceContext } from '../types.ts';

/** The API server sets this label on every namespace, and nobody can change it. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

/** The policies that apply to an image; all of them must be satisfied. */
export interface MatchedPolicies {
  /** Those of the cluster, then those of the namespace; by name. */
  readonly policies: readonly CompiledPolicy[];
  /** Whether one of the cluster's claims it by what is written, and not only because something can't be read. */
  readonly isCovered: boolean;
}

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

export interface Matchable extends Omit<ImageReference, 'original'> {
  /** The registry is asked by plain HTTP, so that its host with `:80` is the same host. */
  readonly plainHttp?: boolean;
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

/** And not only because something in the policy can't be read. */
function isAsWritten({ policy, pattern }: Claim): boolean {
  return pattern.unreadable === undefined && policy.partlyRead === undefined;
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

// oxlint-disable-next-line max-params -- what is looked for in what, for whom, and how long
function visitAll(
  index: PatternIndex,
  digest: Digest | undefined,
  texts: readonly string[],
  visit: (claims: readonly Claim[]) => boolean,
  steps?: Steps,
): void {
  const exact = digest === undefined ? undefined : index.byDigest.get(digest);
  [index.unreadableDigest, exact, index.general].some((root) => visitClaims(root, texts, visit, steps));
}

type IsSelected = (policy: CompiledPolicy) => boolean;

/** Policies that are for the namespace, and for this time. Those of a namespace are looked up by it, and have no selector. */
function selector(namespace: NamespaceContext, now: number): IsSelected {
  const labels = labelsOf(namespace);
  return (policy) => policy.namespaceSelector?.(labels) !== false && !hasExpired(policy, now);
}

/** The labels as they are in a cluster, where the name is one of them. */
function labelsOf({ name, labels }: NamespaceContext): NamespaceContext['labels'] {
  return name === undefined || labels[NAME_LABEL] === name ? labels : { ...labels, [NAME_LABEL]: name };
}
