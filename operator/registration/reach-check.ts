// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { REACH_ANNOTATION, reachedMessage } from '../../core/reach.ts';
import { errorText } from '../../core/text.ts';
import { apiPath, type KubeApi } from '../kubernetes/api-client.ts';

export interface ReachCheckOptions {
  readonly api: KubeApi;
  /** Of the Lease. */
  readonly namespace: string;
  readonly name: string;
}

/** Milliseconds; a webhook that is not reached is waited for as long as it says itself. */
const TIMEOUT = 35_000;

/**
 * Asks an API server to ask the endpoint, by a change of our Lease that is only tried. Undefined: a replica answered,
 * through Service, certificate and path, as it will for Pods; else why that is not known.
 */
export async function whyNotReached(
  { api, namespace, name }: ReachCheckOptions,
  endpoint: 'mutate' | 'validate',
): Promise<string | undefined> {
  const value = `${endpoint} ${randomUUID()}`;
  try {
    await api.call({
      method: 'PATCH',
      path: apiPath('/apis/coordination.k8s.io/v1/namespaces', namespace, 'leases', name),
      query: { dryRun: 'All' },
      contentType: 'application/merge-patch+json',
      body: { metadata: { annotations: { [REACH_ANNOTATION]: value } } },
      timeout: TIMEOUT,
    });
  } catch (thrown) {
    const text = errorText(thrown);
    return text.includes(reachedMessage(value)) ? undefined : text;
  }
  return `API servers don't reach /${endpoint} through the Service ${name} yet`;
}
