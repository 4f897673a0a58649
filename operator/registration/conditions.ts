// SPDX-License-Identifier: Apache-2.0
import type { KubeApi, KubeObject } from '../kubernetes/api-client.ts';
import { covers } from './scope.ts';
import type { WantedWebhook } from './wanted.ts';

interface Configuration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string; readonly matchConditions?: unknown }[];
}

/**
 * Gives webhooks the match conditions that are wanted, and no other. Server-side apply keeps those that somebody else put
 * there, such as an installer of a former release: each is one more thing that nobody is asked about.
 *
 * @param applied as the API server answered.
 * @returns as it is now.
 */
export async function onlyWantedConditions<T extends Configuration>(
  api: KubeApi,
  path: string,
  { applied, webhooks }: { readonly applied: T; readonly webhooks: readonly WantedWebhook[] },
): Promise<T> {
  const operations = conditionPatch(applied.webhooks ?? [], webhooks);
  if (operations.length === 0) return applied;
  const { resourceVersion } = applied.metadata;
  return api.call<T>({
    method: 'PATCH',
    path,
    contentType: 'application/json-patch+json',
    // Positions are those of this version.
    body: [{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion }, ...operations],
  });
}

/** Operations of a JSON patch (RFC 6902). */
export function conditionPatch(
  live: readonly { readonly name: string; readonly matchConditions?: unknown }[],
  wanted: readonly WantedWebhook[],
): readonly object[] {
  return live.flatMap(({ name, matchConditions = [] }, index) => {
    const webhook = wanted.find((one) => one.name === name);
    if (webhook === undefined) return [];
    const value = webhook['matchConditions'] ?? [];
    return covers(matchConditions, value) ? [] : [{ op: 'add', path: `/webhooks/${index}/matchConditions`, value }];
  });
}
