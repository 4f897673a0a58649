// SPDX-License-Identifier: Apache-2.0
import { isPlainHttp } from '../config/registry-settings.ts';
import type { Configuration } from '../config/types.ts';
import { formatReference, parseReference } from '../image/reference.ts';
import type { ImageReference } from '../image/types.ts';
import { applyingMatches, rankMatches, rankOwnMatches } from '../policy/store/rank.ts';
import type { RankedMatch } from '../policy/store/rank.ts';
import type { PolicySnapshot } from '../policy/store/store.ts';
import type { CompiledPolicy, NamespaceContext } from '../policy/types.ts';
import { hasExpired } from '../policy/lifetime.ts';
import { describeException, describeExpiry, describeSigners } from './message.ts';
import { printable } from '../text.ts';

/** Why an image belongs to the policies it belongs to; nothing is asked of a registry. */
export interface Explanation {
  readonly reference: ImageReference;
  readonly namespace: NamespaceContext;
  /** All of the cluster's policies that match, the most specific first. */
  readonly matches: readonly RankedMatch[];
  /** Those of `matches` that apply. */
  readonly applying: readonly RankedMatch[];
  /** All of the namespace's own that match. */
  readonly own: readonly RankedMatch[];
  /** Those of `own` that apply: they add to what is asked. */
  readonly adding: readonly RankedMatch[];
  readonly unmatchedImages: Configuration['unmatchedImages'];
  /** Milliseconds since the epoch: when this is so. */
  readonly now: number;
}

interface ExplanationContext extends Pick<Configuration, 'unmatchedImages' | 'registries'> {
  readonly now: number;
}

/** Fails with `EngineError` InvalidReference. */
export function explainImage(
  image: string,
  namespace: NamespaceContext,
  snapshot: PolicySnapshot,
  { unmatchedImages, registries, now }: ExplanationContext,
): Explanation {
  const reference = parseReference(image);
  const located = { ...reference, plainHttp: isPlainHttp(registries, reference.registry) };
  const matches = rankMatches(snapshot, located, namespace, now);
  const applying = applyingMatches(matches);
  const own = rankOwnMatches(snapshot, located, namespace, now);
  return { reference, namespace, matches, applying, own, adding: applyingMatches(own), unmatchedImages, now };
}

/** An explanation as scripts read it (docs/reference/cli.md). */
export interface ExplanationDocument {
  /** In its full form. */
  readonly image: string;
  readonly namespace?: string;
  /** Whether a policy of the cluster applies; where none does, `unmatchedImages` decides. */
  readonly covered: boolean;
  readonly unmatchedImages: Explanation['unmatchedImages'];
  /** All that match, the most specific first; the namespace's own after the cluster's. */
  readonly policies: readonly MatchingPolicy[];
}

interface MatchingPolicy {
  readonly name: string;
  readonly pattern: string;
  readonly applies: boolean;
  /** For people: what it asks for, or does. */
  readonly does: string;
}

export function explanationDocument(explanation: Explanation): ExplanationDocument {
  const { reference, namespace, matches, applying, own, adding, unmatchedImages } = explanation;
  return {
    image: formatReference(reference),
    ...(namespace.name !== undefined && { namespace: namespace.name }),
    covered: isCovered(explanation),
    unmatchedImages,
    policies: [
      ...matches.flatMap((match) => policiesOf(match, applying)),
      ...own.flatMap((match) => policiesOf(match, adding)),
    ],
  };
}

function policiesOf(match: RankedMatch, applying: readonly RankedMatch[]): readonly MatchingPolicy[] {
  return match.policies.map(({ policy, selectsNamespace }) => ({
    name: policy.name,
    pattern: match.pattern.source,
    applies: selectsNamespace && applying.includes(match),
    does: whatItDoes(policy),
  }));
}

export function explanationText(explanation: Explanation): string {
  const { reference, namespace, matches, applying, own, adding, now } = explanation;
  const image = formatReference(reference);
  const where = namespace.name === undefined ? '' : `  in namespace ${namespace.name}`;
  const others = [
    ...matches.flatMap((match) => passedOver(match, applying, now)),
    ...own.flatMap((match) => passedOver(match, adding, now)),
  ];
  return [
    `${image}${where}`,
    ...(reference.original === image ? [] : [`  written as ${reference.original}`]),
    ...applying.flatMap(demandsBy),
    ...(isCovered(explanation) ? [] : [notCovered(explanation)]),
    ...additions(explanation),
    ...(others.length === 0 ? [] : ['  other policies match, but do not apply here:', ...others]),
  ]
    .map((line) => printable(line))
    .join('\n');
}

function isCovered({ applying }: Explanation): boolean {
  return applying.some(isAsWritten);
}

function isAsWritten({ policies }: RankedMatch): boolean {
  return policies.some((each) => each.selectsNamespace && each.isAsWritten);
}

function demandsBy(match: RankedMatch): string[] {
  const { pattern, policies } = match;
  const selected = policies.filter(({ selectsNamespace }) => selectsNamespace);
  const all = selected.length > 1 ? '; all of them must be satisfied' : '';
  const by = isAsWritten(match)
    ? `decided by pattern ${pattern.source}, the most specific that matches${all}`
    : `may be covered by pattern ${pattern.source}; the pattern, or for which namespaces it is, can't be read in full`;
  return [`  ${by}:`, ...selected.map(({ policy }) => `    ${policy.name}: ${whatItDoes(policy)}`)];
}

/** What the namespace's own policies ask beside the cluster's. */
function additions(explanation: Explanation): string[] {
  const { adding, applying, unmatchedImages } = explanation;
  if (adding.length === 0) return [];
  const names = adding.flatMap(({ policies }) => policies.map(({ policy }) => policy.name)).join(' and ');
  if (applying.length === 0 && unmatchedImages === 'Deny')
    return [`  ${names} can only add to a policy of the cluster`];
  return adding.flatMap(additionsBy);
}

function additionsBy({ pattern, policies }: RankedMatch): string[] {
  return [
    `  in addition, in this namespace, by pattern ${pattern.source}:`,
    ...policies.map(({ policy }) => `    ${policy.name}: ${additionOf(policy)}`),
  ];
}

function additionOf(policy: CompiledPolicy): string {
  const adds = policy.action !== 'Allow' || policy.problems.length > 0;
  return adds ? whatItDoes(policy) : 'adds nothing: a policy of a namespace cannot allow what the cluster does not';
}

function notCovered({ applying, unmatchedImages }: Explanation): string {
  const consequence = { Deny: 'denied', Warn: 'admitted with a warning', Allow: 'admitted' }[unmatchedImages];
  const subject = applying.length === 0 ? 'no policy' : 'no policy that can be read in full';
  return `  ${subject} covers it: ${consequence} (unmatchedImages: ${unmatchedImages})`;
}

function whatItDoes(policy: CompiledPolicy): string {
  const [problem] = policy.problems;
  const mode = policy.mode === 'Enforce' ? '' : ` (mode ${policy.mode})`;
  if (problem !== undefined && isOnlyUnread(policy))
    return `requires signers that are not all known here${mode}: ${unread(policy)}`;
  if (problem !== undefined) return `not ready, denies it${mode}: ${problem.path}: ${problem.message}`;
  if (policy.action !== 'Verify')
    return `${policy.action === 'Allow' ? 'allows' : 'denies'} it without checking signatures${describeException(policy)}${mode}`;
  const required = policy.required.length === 0 ? '' : `, ${policy.required.join(' and ')} among them`;
  const attested = policy.attestations.map(({ name }) => `"${name}"`).join(' and ');
  if (policy.threshold === 0)
    return `requires attestation ${attested}, by one of ${describeSigners(policy)}${onPlatforms(policy)}${mode}`;
  const besides = attested === '' ? '' : `, and attestation ${attested}`;
  return `requires ${signaturesOf(policy)} ${describeSigners(policy)}${required}${besides}${onPlatforms(policy)}${mode}`;
}

function signaturesOf({ signers, threshold }: CompiledPolicy): string {
  if (signers.length === 1) return 'a signature by';
  return threshold === 1 ? 'a signature by one of' : `signatures by ${threshold} of`;
}

/** Nothing is wrong with it: who explains asks no KMS, and who decides does. */
function isOnlyUnread({ problems }: CompiledPolicy): boolean {
  return problems.every(({ reason }) => reason === 'KeyUnavailable');
}

function unread({ problems }: CompiledPolicy): string {
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

function onPlatforms({ platforms }: CompiledPolicy): string {
  const where = {
    Index: '',
    Each: ', on each platform',
    IndexOrEach: ', on the image index or each platform',
  } as const;
  return where[platforms];
}

/** The policies of a match that don't apply, and why. */
function passedOver(match: RankedMatch, applying: readonly RankedMatch[], now: number): string[] {
  return match.policies.flatMap(({ policy, selectsNamespace }) => {
    if (applying.includes(match) && selectsNamespace) return [];
    const unselected = hasExpired(policy, now) ? describeExpiry(policy) : 'is not for this namespace';
    const reason = selectsNamespace ? 'is less specific' : unselected;
    return [`    ${policy.name}: pattern ${match.pattern.source} ${reason}`];
  });
}
