// SPDX-License-Identifier: Apache-2.0
import { mapInParallel } from '../../core/parallel.ts';
import { verdictJson, verdictText } from '../../core/verdict/verdict-text.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { commandKeychain } from '../inputs/credentials.ts';
import { createCommandEngine } from '../inputs/engine.ts';
import { exitCodeOf, worstOf, type ExitCode } from '../output/exit.ts';
import { namespaceContext, silentPolicies, type NamespaceOptions } from '../inputs/namespace.ts';
import { loadPolicySource, type PolicyOptions } from '../inputs/policies.ts';
import { registrySettings, type RegistryOptions } from '../inputs/registries.ts';
import type { Terminal } from '../output/terminal.ts';
import { commandTrustRoots, type TrustRootOptions } from '../inputs/trust-roots.ts';

export interface VerifyOptions extends PolicyOptions, NamespaceOptions, RegistryOptions, TrustRootOptions {
  readonly config?: string;
  readonly output: 'text' | 'json';
}

const PARALLEL_IMAGES = 8;

/** Decides about each image as the webhook would, and prints the verdicts in the order of the images. */
export async function verify(images: readonly string[], options: VerifyOptions, terminal: Terminal): Promise<ExitCode> {
  const configuration = await configurationOf(options);
  const namespace = namespaceContext(options);
  const trustRoots = await commandTrustRoots(configuration, options, terminal);
  const policies = await loadPolicySource(options, {
    trustRoots: trustRoots.names(),
    namespacedPolicies: configuration.namespacedPolicies,
  });
  const silent = silentPolicies(policies.snapshot(), namespace);
  if (silent !== undefined) terminal.err(silent);
  await trustRoots.prepare(policies.snapshot().policies.values());
  const keychain = await commandKeychain(terminal.environment, configuration);
  const engine = createCommandEngine({
    configuration,
    settings: await registrySettings(configuration, options),
    trustRoots,
    policies,
    signal: terminal.signal,
  });
  try {
    const verdicts = await mapInParallel(images, PARALLEL_IMAGES, (image) =>
      engine.decide({ image, namespace, keychain }),
    );
    for (const verdict of verdicts) {
      terminal.out(options.output === 'json' ? verdictJson(verdict) : verdictText(verdict));
    }
    return worstOf(verdicts.map(exitCodeOf));
  } finally {
    await engine.close();
  }
}
