// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, type JsonObject } from '../../core/json.ts';
import { REACH_ANNOTATION } from '../../core/reach.ts';
import type { WantedWebhook } from './wanted.ts';

/** By which a webhook that is not in force yet is known. */
const REACH_CONDITION = 'asks-whether-it-is-reached';

/**
 * A webhook that is called for nothing but the question whether API servers reach it: a change of that one Lease that
 * bears our annotation. Whatever becomes of the call, nobody else's request waits for it.
 */
export function onlyReached(
  webhook: WantedWebhook,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): WantedWebhook {
  const selected = { key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace] };
  const expression =
    `request.name == ${JSON.stringify(name)} && has(object.metadata.annotations) ` +
    `&& ${JSON.stringify(REACH_ANNOTATION)} in object.metadata.annotations`;
  return {
    ...webhook,
    failurePolicy: 'Ignore',
    namespaceSelector: { matchExpressions: [selected] },
    rules: [
      {
        apiGroups: ['coordination.k8s.io'],
        apiVersions: ['v1'],
        operations: ['UPDATE'],
        resources: ['leases'],
        scope: 'Namespaced',
      },
    ],
    matchConditions: [{ name: REACH_CONDITION, expression }],
  };
}

export function isOnlyReached({ matchConditions }: JsonObject): boolean {
  return (
    Array.isArray(matchConditions) &&
    matchConditions.some((condition) => isJsonObject(condition) && condition['name'] === REACH_CONDITION)
  );
}

type Comparison = (live: unknown, wanted: unknown) => boolean;

/** Whether a live value has all that is wanted; the API server adds defaults to objects, and nothing to lists. */
export const covers: Comparison = comparing(
  (live, wanted) => live.length === wanted.length && wanted.every((value, index) => covers(live[index], value)),
);

/** The same where others may have added to lists, or changed their order. */
export const includes: Comparison = comparing((live, wanted) =>
  wanted.every((value) => live.some((other) => includes(other, value))),
);

function comparing(lists: (live: readonly unknown[], wanted: readonly unknown[]) => boolean): Comparison {
  const compare: Comparison = (live, wanted) => {
    if (Array.isArray(wanted)) return Array.isArray(live) && lists(live, wanted);
    if (!isJsonObject(wanted)) return live === wanted;
    return isJsonObject(live) && Object.entries(wanted).every(([field, value]) => compare(live[field], value));
  };
  return compare;
}
