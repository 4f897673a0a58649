// SPDX-License-Identifier: Apache-2.0
import { configurationOf } from '../inputs/configuration.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { Terminal } from '../output/terminal.ts';
import type { Cluster } from './cluster.ts';

/** What the command line says of a cluster; without kubeconfig and context it is the one that kubectl would ask. */
export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly releaseNamespace: string;
  /** In place of the cluster's configuration. */
  readonly config?: string;
}

interface ChosenCluster extends ClusterChoice {
  /** What to do without a cluster, for the error. */
  readonly advice?: string;
}

const ADVICE = 'to check without a cluster, give --policies';

/** `keychain`: of whoever runs this. Fails with `UsageError` where there is no such cluster. */
export async function openChosenCluster(
  options: ChosenCluster,
  keychain: Keychain,
  terminal: Terminal,
): Promise<Cluster> {
  const { kubeconfig, context, config, releaseNamespace, advice = ADVICE } = options;
  // The client library is large: only who has a cluster pays for it.
  const { openCluster } = await import('./cluster.ts');
  return openCluster({
    selection: { kubeconfig, context },
    advice,
    configuration: config === undefined ? undefined : await configurationOf(options),
    releaseNamespace,
    keychain,
    warn: (text) => terminal.err(`cosignet: ${text}`),
  });
}

/** Whether a cluster is asked: where one is named, or where there is nothing else to go by. */
export function asksCluster(options: Pick<ClusterChoice, 'kubeconfig' | 'context'>, hasPolicies: boolean): boolean {
  return options.kubeconfig !== undefined || options.context !== undefined || !hasPolicies;
}
