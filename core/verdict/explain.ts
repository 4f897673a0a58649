// SPDX-License-Identifier: Apache-2.0
import { isPlainHttp } from '../config/registry-settings.ts';
import type { Configuration } from '../config/types.ts';
import { formatReference, parseReference } from '../image/reference.ts';
import type { ImageReference } from '../image/types.ts';
import { rankMatches, rankOwnMatches } from '../policy/store/match.ts';
import type { RankedMatch } from '../policy/store/match.ts';
import type { PolicySnapshot } from '../policy/store/store.ts';
import type { CompiledPolicy, NamespaceContext } from '../policy/types.ts';
import { describeSigners } from './message.ts';
import { printable } from '../text.ts';

/** Why an image belongs to the policies it belongs to; nothing is asked of a registry. */
export interface Explanation {
  readonly reference: ImageReference;
  readonly namespace: NamespaceContext;
  /** All of the cluster's policies that match, the most specific first. */
  readonly matches: readonly RankedMatch[];
  /** The one of `matches` that speaks. */
  readonly speaking?: RankedMatch;
  /** All of the namespace's own that match; the first adds to what is asked. */
  readonly own: readonly RankedMatch[];
  readonly unmatchedImages: Configuration['unmatchedImages'];
}

/** Fails with `EngineError` InvalidReference. */
export function explainImage(
  image: string,
  namespace: NamespaceContext,
  snapshot: PolicySnapshot,
  { unmatchedImages, registries }: Pick<Configuration, 'unmatchedImages' | 'registries'>,
): Explanation {
  const reference = parseReference(image);
  const located = { ...reference, plainHttp: isPlainHttp(registries, reference.registry) };
  const matches = rankMatches(snapshot, located, namespace);
  const speaking = matches.find(isSelected);
  const own = rankOwnMatches(snapshot, located, namespace);
  return { reference, namespace, matches, own, unmatchedImages, ...(speaking && { speaking }) };
}

export function explanationText(explanation: Explanation): string {
  const { reference, namespace, matches, speaking, own } = explanation;
  const image = formatReference(reference);
  const where = namespace.name === undefined ? '' : `  in namespace ${namespace.name}`;
  const others = [
    ...matches.flatMap((match) => passedOver(match, speaking)),
    ...own.flatMap((match) => passedOver(match, own[0])),
  ];
  return [
    `${image}${where}`,
    ...(reference.original === image ? [] : [`  written as ${reference.original}`]),
    ...(speaking === undefined ? [nobodySpeaks(explanation)] : speakers(speaking)),
    ...additions(explanation),
    ...(others.length === 0 ? [] : ['  other policies match, and say nothing here:', ...others]),
  ]
    .map((line) => printable(line))
    .join('\n');
}

function isSelected({ policies }: RankedMatch): boolean {
  return policies.some(({ selectsNamespace }) => selectsNamespace);
}

function speakers({ pattern, policies }: RankedMatch): string[] {
  const selected = policies.filter(({ selectsNamespace }) => selectsNamespace);
  const all = selected.length > 1 ? '; all of them must be satisfied' : '';
  return [
    `  decided by pattern ${pattern.source}, the most specific that matches${all}:`,
    ...selected.map(({ policy }) => `    ${policy.name}: ${demandOf(policy)}`),
  ];
}

/** What the namespace's own policies ask beside the cluster's. */
function additions({ speaking, own, unmatchedImages }: Explanation): string[] {
  const [first] = own;
  if (first === undefined) return [];
  const names = first.policies.map(({ policy }) => policy.name).join(' and ');
  if (speaking === undefined && unmatchedImages === 'Deny')
    return [`  ${names} can only add to a policy of the cluster`];
  return [
    `  and besides, for this namespace, by pattern ${first.pattern.source}:`,
    ...first.policies.map(({ policy }) => `    ${policy.name}: ${additionOf(policy)}`),
  ];
}

function additionOf(policy: CompiledPolicy): string {
  const adds = policy.action !== 'Allow' || policy.problems.length > 0;
  return adds ? demandOf(policy) : 'adds nothing: a policy of a namespace can not allow what the cluster does not';
}

function nobodySpeaks({ unmatchedImages }: Explanation): string {
  const consequence = { Deny: 'denied', Warn: 'admitted with a warning', Allow: 'admitted' }[unmatchedImages];
  return `  no policy speaks for it: ${consequence} (unmatchedImages: ${unmatchedImages})`;
}

function demandOf(policy: CompiledPolicy): string {
  const [problem] = policy.problems;
  const mode = policy.mode === 'Enforce' ? '' : ` (mode ${policy.mode})`;
  if (problem !== undefined) return `not ready, denies it${mode}: ${problem.path}: ${problem.message}`;
  if (policy.action !== 'Verify')
    return `${policy.action === 'Allow' ? 'allows' : 'denies'} it without a look at signatures${mode}`;
  const required = policy.required.length === 0 ? '' : `, ${policy.required.join(' and ')} among them`;
  return `asks for ${policy.threshold} of ${describeSigners(policy)}${required}${mode}`;
}

/** The policies of a match that don't speak, and why. */
function passedOver(match: RankedMatch, speaking: RankedMatch | undefined): string[] {
  return match.policies.flatMap(({ policy, selectsNamespace }) => {
    if (match === speaking && selectsNamespace) return [];
    const reason = selectsNamespace ? 'is less specific' : 'is not for this namespace';
    return [`    ${policy.name}: pattern ${match.pattern.source} ${reason}`];
  });
}
