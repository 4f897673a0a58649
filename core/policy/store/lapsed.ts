// SPDX-License-Identifier: Apache-2.0
import { hasExpired } from '../lifetime.ts';
import type { CompiledPolicy, NamespaceContext } from '../types.ts';
import { matchPolicies } from './match.ts';
import type { Matchable } from './lookup.ts';
import type { PolicySnapshot } from './store.ts';

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
  const lapsed = policies.filter((policy) => policy.namespace === undefined && hasExpired(policy, now));
  return lapsed.length > 0 && policies.every(allows) ? lapsed : [];
}

function allows({ action, problems }: CompiledPolicy): boolean {
  return action === 'Allow' && problems.length === 0;
}
