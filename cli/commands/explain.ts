// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../core/errors.ts';
import { explainImage, explanationText } from '../../core/verdict/explain.ts';
import { PUBLIC_GOOD } from '../../core/config/trust-root-settings.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { EXIT, UsageError, type ExitCode } from '../output/exit.ts';
import { namespaceContext, silentPolicies, type NamespaceOptions } from '../inputs/namespace.ts';
import { loadPolicySource, type PolicyOptions } from '../inputs/policies.ts';
import type { Terminal } from '../output/terminal.ts';

export interface ExplainOptions extends Pick<PolicyOptions, 'policies'>, NamespaceOptions {
  readonly config?: string;
}

/** Prints which policies apply to each image, and why. Asks no registry, so it verifies nothing: always 0. */
export async function explain(
  images: readonly string[],
  options: ExplainOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  if (options.policies.length === 0) throw new UsageError('give --policies, the policies to explain');
  const configuration = await configurationOf(options);
  const { trustRoots, namespacedPolicies } = configuration;
  const namespace = namespaceContext(options);
  const store = await loadPolicySource(options, {
    trustRoots: [PUBLIC_GOOD, ...trustRoots.map(({ name }) => name)],
    namespacedPolicies,
  });
  const snapshot = store.snapshot();
  const silent = silentPolicies(snapshot, namespace);
  if (silent !== undefined) terminal.err(silent);
  try {
    for (const image of images) {
      terminal.out(explanationText(explainImage(image, namespace, snapshot, { ...configuration, now: Date.now() })));
    }
  } catch (error) {
    throw error instanceof EngineError ? new UsageError(error.message) : error;
  }
  return EXIT.allowed;
}
