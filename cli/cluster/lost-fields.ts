// SPDX-License-Identifier: Apache-2.0
import { policyName } from '../../core/policy/documents/kinds.ts';
import { unknownFields } from '../../core/policy/documents/validate.ts';
import { isStatus } from '../../operator/kubernetes/api-client.ts';
import type { Cluster } from './cluster.ts';

export interface LostFieldsOptions {
  /** Whether those of namespaces count: then it is a fault where they may not be seen. */
  readonly namespacedPolicies: boolean;
}

/** What policies of a cluster say that this release has no field for; a line each. Rejects where they can't be read. */
export async function lostFields(
  cluster: Pick<Cluster, 'policies'>,
  { namespacedPolicies }: LostFieldsOptions,
): Promise<readonly string[]> {
  try {
    const policies = await cluster.policies({ all: namespacedPolicies });
    return policies.flatMap((policy) =>
      unknownFields(policy).map((path) => `${policy.kind} ${policyName(policy)}: ${path}`),
    );
  } catch (error) {
    // Without the kind there are no policies that could lose anything.
    if (isStatus(error, 404)) return [];
    throw error;
  }
}
