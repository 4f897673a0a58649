// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION } from '../../core/config/configuration.ts';
import { EXIT, type ExitCode } from '../output/exit.ts';
import type { Terminal } from '../output/terminal.ts';

export interface CheckRollbackOptions {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly releaseNamespace: string;
  /** Whether the release to go back to follows policies of namespaces. */
  readonly namespacedPolicies: boolean;
}

const SENTENCE =
  'Going back would take it from the policies, which would then admit what they keep out. ' +
  'Change them first, or go back all the same: docs/how-to/emergency.md has how';

/**
 * Before a newer release's definitions are replaced by ours: does any policy of the cluster say what ours have no field
 * for? The API server would drop that field without a word, and the policy would ask for less than is written.
 */
export async function checkRollback(
  { releaseNamespace, namespacedPolicies, ...selection }: CheckRollbackOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const { openCluster } = await import('../cluster/cluster.ts');
  const { lostFields } = await import('../cluster/lost-fields.ts');
  const cluster = await openCluster({
    selection,
    configuration: DEFAULT_CONFIGURATION,
    releaseNamespace,
    keychain: { id: '', resolve: async () => [] },
    warn: (text) => terminal.err(`cosignet: ${text}`),
  });
  try {
    const lost = await lostFields(cluster, { namespacedPolicies });
    if (lost.length === 0) return EXIT.allowed;
    terminal.out(['This release has no field for', ...lost.map((line) => `  ${line}`), SENTENCE].join('\n'));
    return EXIT.denied;
  } finally {
    await cluster.close();
  }
}
