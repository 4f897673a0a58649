// SPDX-License-Identifier: Apache-2.0
import { fieldOf } from '../../core/json.ts';
import { droppedBy } from '../../core/policy/documents/dropped-fields.ts';
import { policyName } from '../../core/policy/documents/kinds.ts';
import type { CompiledPolicies } from './compiled-policies.ts';

/** What policies that are in force would lose by another definition of their kind: a line each, and none of other kinds. */
export function lostBy(definition: unknown, book: Pick<CompiledPolicies, 'entries'>): readonly string[] {
  const kind = fieldOf(fieldOf(fieldOf(definition, 'spec'), 'names'), 'kind');
  const dropped = droppedBy(definition);
  return book.entries().flatMap(({ policy }) => {
    if (policy.kind !== kind) return [];
    return dropped(policy.spec).map((path) => `${policy.kind} ${policyName(policy)}: ${path}`);
  });
}
