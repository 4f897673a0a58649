// SPDX-License-Identifier: Apache-2.0
import type { ImagePattern } from '../../core/image/types.ts';
import { refusePolicy } from '../../core/policy/compile/compile.ts';
import { matchPolicies } from '../../core/policy/store/match.ts';
import type { Matchable } from '../../core/policy/store/lookup.ts';
import { createPolicyStore } from '../../core/policy/store/store.ts';

/** Asks a store whose only policy has this pattern. */
export function matchesPattern(pattern: ImagePattern, reference: Matchable): boolean {
  const store = createPolicyStore();
  store.replace([{ ...refusePolicy({ metadata: { name: 'only' } }, []), patterns: [pattern] }]);
  return matchPolicies(store.snapshot(), reference, { labels: {} }, 0).policies.length > 0;
}
