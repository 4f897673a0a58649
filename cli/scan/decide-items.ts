// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../../core/config/types.ts';
import { mapInParallel } from '../../core/parallel.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { RegistryClient } from '../../core/registry/types.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { createCommandEngine } from '../inputs/engine.ts';
import { silentPolicies } from '../inputs/namespace.ts';
import { registrySettings, type RegistryOptions } from '../inputs/registries.ts';
import { commandTrustRoots, type TrustRootOptions } from '../inputs/trust-roots.ts';
import type { Terminal } from '../output/terminal.ts';
import type { InventoryItem } from './inventory.ts';
import type { ScannedImage } from './report.ts';

export interface DecidingOptions {
  readonly options: RegistryOptions & TrustRootOptions;
  readonly configuration: Configuration;
  /** By the names of the trust roots that there are. */
  readonly policies: (trustRoots: readonly string[]) => Promise<PolicyStore>;
  /** The namespace that was given on the command line, perhaps without a name; undefined: each item has its own. */
  readonly given?: NamespaceContext;
  /** Instead of registries over the network. */
  readonly registry?: RegistryClient | undefined;
  readonly terminal: Terminal;
}

/** Each image has its own deadline, so that a long list doesn't eat up that of its last images. */
const PARALLEL_IMAGES = 8;

/** Decides about each item as the webhook would; in their order. */
export async function decideItems(
  items: readonly InventoryItem[],
  { options, configuration, policies: load, given, registry, terminal }: DecidingOptions,
): Promise<readonly ScannedImage[]> {
  const trustRoots = await commandTrustRoots(configuration, options, terminal);
  const policies = await load(trustRoots.names());
  const silent = given && silentPolicies(policies.snapshot(), given);
  if (silent !== undefined) terminal.err(silent);
  await trustRoots.prepare(policies.snapshot().policies.values());
  const engine = createCommandEngine({
    configuration,
    settings: await registrySettings(configuration, options),
    trustRoots,
    policies,
    registry,
    signal: terminal.signal,
  });
  let done = 0;
  try {
    return await mapInParallel(items, PARALLEL_IMAGES, async ({ pods, line, places, ...asked }) => {
      const verdict = await engine.decide(asked);
      done += 1;
      terminal.progress?.(`${done} of ${items.length} images checked`);
      return { pods, ...(line !== undefined && { line }), ...(places !== undefined && { places }), verdict };
    });
  } finally {
    terminal.progress?.('');
    await engine.close();
  }
}
