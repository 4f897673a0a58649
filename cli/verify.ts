// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { mapInParallel } from '../core/cosign/parallel.ts';
import { silentLogger, silentMetrics } from '../core/observe.ts';
import { createRegistryClient } from '../core/registry/client.ts';
import { createEngine } from '../core/verdict/engine.ts';
import { createTrustRoots } from '../core/verdict/trust-roots.ts';
import { verdictJson, verdictText } from '../core/verdict/verdict-text.ts';
import { configurationOf } from './configuration.ts';
import { dockerKeychain } from './credentials.ts';
import { exitCodeOf, worstOf, type ExitCode } from './exit.ts';
import { namespaceContext, type NamespaceOptions } from './namespace.ts';
import { loadPolicySource, type PolicyOptions } from './policies.ts';
import { registrySettings, type RegistryOptions } from './registries.ts';
import type { Terminal } from './terminal.ts';

export interface VerifyOptions extends PolicyOptions, NamespaceOptions, RegistryOptions {
  readonly config?: string;
  readonly output: 'text' | 'json';
}

/** Each image has its own deadline, so that a long list doesn't eat up that of its last images. */
const PARALLEL_IMAGES = 8;

/** Judges each image as the webhook would, and prints the verdicts in the order of the images. */
export async function verify(images: readonly string[], options: VerifyOptions, terminal: Terminal): Promise<ExitCode> {
  const configuration = await configurationOf(options);
  const namespace = namespaceContext(options);
  const trustRoots = createTrustRoots(configuration.trustRoots, (file) => readFile(file, 'utf8'));
  const policies = await loadPolicySource(options, trustRoots.names());
  const keychain = await dockerKeychain(terminal.environment);
  const registry = createRegistryClient({
    settings: await registrySettings(configuration, options),
    limits: configuration.limits,
    clock: Date.now,
    metrics: silentMetrics,
    log: silentLogger,
  });
  const decide = createEngine({
    policies,
    registry,
    trustRoots,
    configuration: () => configuration,
    clock: Date.now,
    metrics: silentMetrics,
  });
  try {
    const verdicts = await mapInParallel(images, PARALLEL_IMAGES, (image) => {
      const deadline = AbortSignal.timeout(configuration.deadlineSeconds * 1000);
      return decide({ image, namespace, keychain, signal: AbortSignal.any([deadline, terminal.signal]) });
    });
    for (const verdict of verdicts) {
      terminal.out(options.output === 'json' ? verdictJson(verdict) : verdictText(verdict));
    }
    return worstOf(verdicts.map(exitCodeOf));
  } finally {
    await registry.close();
  }
}
