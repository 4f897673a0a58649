// SPDX-License-Identifier: Apache-2.0
import { hasExpired } from '../policy/lifetime.ts';
import { matchPolicies } from '../policy/store/match.ts';
import type { Matchable } from '../policy/store/match.ts';
import type { PolicySnapshot } from '../policy/store/store.ts';
import type { CompiledPolicy, NamespaceContext } from '../policy/types.ts';
import { factsOf } from '../verdict-codes.ts';
import { describeExpiry } from './message.ts';
import { isAllowing, isOfCluster } from './without-evidence.ts';
import type { VerdictDraft } from './without-evidence.ts';

/** Before everything: nothing has expired. */
const NOTHING_EXPIRED = -Infinity;

/** The exceptions of the cluster that would have admitted the image until they expired; none where another policy asked for more. */
export function lapsedExceptions(
  snapshot: PolicySnapshot,
  reference: Matchable,
  namespace: NamespaceContext,
  now: number,
): readonly CompiledPolicy[] {
  const { policies } = matchPolicies(snapshot, reference, namespace, NOTHING_EXPIRED);
  const lapsed = policies.filter((policy) => isOfCluster(policy) && hasExpired(policy, now));
  return lapsed.length > 0 && policies.every(isAllowing) ? lapsed : [];
}

/** A refusal, with word of the exceptions without which it would not be. */
export function tellingOfLapsed(draft: VerdictDraft, lapsed: readonly CompiledPolicy[]): VerdictDraft {
  const [first] = lapsed;
  if (first === undefined) return draft;
  const names = lapsed.map((policy) => `policy "${policy.name}", which allowed it, ${describeExpiry(policy)}`);
  const told = { ...draft, message: `${draft.message}; ${names.join('; ')}` };
  if (draft.code !== 'NoPolicy') return told;
  const code = 'PolicyExpired';
  const grounds = { policy: first.name, reason: names.join('; ') };
  return { ...told, code, outcome: factsOf(code).outcome, remedyPolicy: first.name, grounds };
}
