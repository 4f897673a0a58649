// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../../core/config/types.ts';
import type { ReadKms } from '../../core/kms/types.ts';
import { compilePolicy } from '../../core/policy/compile/compile.ts';
import { isFollowed, type AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import { createPolicyStore, type PolicyStore } from '../../core/policy/store/store.ts';
import { compileContext } from '../inputs/policies.ts';
import type { Cluster } from './cluster.ts';

interface StoreOptions {
  readonly configuration: Pick<Configuration, 'namespacedPolicies'>;
  /** Names. */
  readonly trustRoots: readonly string[];
  /** Where Secrets are that policies name; undefined: nowhere. */
  readonly cluster: Cluster | undefined;
  /** How keys of a KMS are read; undefined: they are not. */
  readonly readKms?: ReadKms;
}

/** These policies, compiled as the operator does it. */
export async function compiledStore(
  found: readonly AnyImagePolicy[],
  { configuration, trustRoots, cluster, readKms }: StoreOptions,
): Promise<PolicyStore> {
  const policies = found.filter((policy) => isFollowed(policy, configuration));
  const context = await compileContext(policies, trustRoots, readKms);
  const secretsOf = cluster ? await cluster.secrets(policies) : () => context.secret;
  const store = createPolicyStore();
  store.replace(policies.map((policy) => compilePolicy(policy, { ...context, secret: secretsOf(policy) })));
  return store;
}
