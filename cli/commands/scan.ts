// SPDX-License-Identifier: Apache-2.0
import { writeFile } from 'node:fs/promises';
import type { Configuration } from '../../core/config/types.ts';
import type { ReadKms } from '../../core/kms/types.ts';
import { fileErrorText } from '../../core/text.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { personalKmsReader } from '../inputs/kms-keys.ts';
import { commandKeychain } from '../inputs/credentials.ts';
import { exitCodeOf, UsageError, worstOf, type ExitCode } from '../output/exit.ts';
import { namespaceContext } from '../inputs/namespace.ts';
import { readPolicyFiles } from '../inputs/policies.ts';
import type { RegistryOptions } from '../inputs/registries.ts';
import { openChosenCluster, type ClusterChoice } from '../cluster/chosen-cluster.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { compiledStore } from '../cluster/policy-store.ts';
import { decideItems } from '../scan/decide-items.ts';
import { readImageFile, type Inventory } from '../scan/inventory.ts';
import { renderReport, type ScanFormat } from '../scan/render.ts';
import { createReport, summaryText } from '../scan/report.ts';
import type { Terminal } from '../output/terminal.ts';
import type { TrustRootOptions } from '../inputs/trust-roots.ts';

export interface ScanOptions extends RegistryOptions, TrustRootOptions, ClusterChoice {
  readonly namespace?: string;
  /** Said outright: of all that admission looks at. */
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  /** Files or folders, in place of the cluster's policies. */
  readonly policies: readonly string[];
  /** A list of images, in place of the cluster's Pods. */
  readonly images?: string;
  readonly output: ScanFormat;
  readonly outputFile?: string;
}

const WITHOUT_CLUSTER = 'to check without a cluster, give --images and --policies';

/** Decides about what runs, or a list of images, and prints one report. */
export async function scan(options: ScanOptions, terminal: Terminal): Promise<ExitCode> {
  requireOneMeaning(options);
  const given = await configurationOf(options);
  // Helpers and providers of a cluster's configuration are programs that only its Pods have.
  const keychain = await commandKeychain(terminal.environment, given);
  const cluster =
    options.images === undefined
      ? await openChosenCluster({ ...options, advice: WITHOUT_CLUSTER }, keychain, terminal)
      : undefined;
  const configuration = cluster?.configuration ?? given;
  try {
    const inventory = await inventoryOf(options, cluster, keychain);
    const isOfCluster = cluster !== undefined && options.config === undefined;
    const readKms = personalKmsReader({ configuration, isOfCluster, environment: terminal.environment });
    const scanned = await decideItems(inventory.items, {
      options,
      configuration,
      policies: (trustRoots) => policiesOf({ options, configuration, cluster, readKms }, trustRoots),
      ...(cluster === undefined && { given: listedFor(options) }),
      terminal,
    });
    const report = createReport(scanned, { source: inventory.source, now: Date.now() });
    const columns = options.outputFile === undefined ? terminal.columns : undefined;
    await write(renderReport(report, options.output, columns), options, terminal);
    if (options.outputFile !== undefined) terminal.err(`${summaryText(report.summary)}; see ${options.outputFile}`);
    return worstOf(scanned.map(({ verdict }) => exitCodeOf(verdict)));
  } finally {
    await cluster?.close();
  }
}

function requireOneMeaning({ images, policies, selector, namespace, allNamespaces }: ScanOptions): void {
  if (images !== undefined && policies.length === 0) throw new UsageError('give --policies with --images');
  if (images !== undefined && selector !== undefined)
    throw new UsageError('--selector selects Pods; a list of images has none');
  if (namespace !== undefined && allNamespaces === true)
    throw new UsageError('give either --namespace or --all-namespaces');
}

async function inventoryOf(options: ScanOptions, cluster: Cluster | undefined, keychain: Keychain): Promise<Inventory> {
  const { namespace, selector, images } = options;
  if (cluster) {
    const found = await cluster.running({ ...(namespace && { namespace }), ...(selector && { selector }) });
    // A cluster without a Pod is as it should be; a label that none of them has was mistyped.
    if (found.items.length === 0 && selector !== undefined)
      throw new UsageError(`no running Pod matches: ${found.source}`);
    return found;
  }
  return readImageFile(images ?? '', listedFor(options), keychain);
}

/** Where the images of a list are meant to run. */
function listedFor({ namespace }: ScanOptions): NamespaceContext {
  return namespaceContext({ ...(namespace && { namespace }), namespaceLabel: [] });
}

interface Deciding {
  readonly options: ScanOptions;
  readonly configuration: Configuration;
  readonly cluster: Cluster | undefined;
  readonly readKms: ReadKms;
}

async function policiesOf(
  { options, configuration, cluster, readKms }: Deciding,
  trustRoots: readonly string[],
): Promise<PolicyStore> {
  const documents = options.policies.length > 0 ? await readPolicyFiles(options.policies) : [];
  const applied =
    options.policies.length > 0 ? [] : ((await cluster?.policies({ namespace: options.namespace })) ?? []);
  const policies = [...documents.map(({ policy }) => policy), ...applied];
  return compiledStore(policies, { configuration, trustRoots, cluster, readKms });
}

async function write(text: string, { outputFile }: ScanOptions, terminal: Terminal): Promise<void> {
  if (outputFile === undefined) return terminal.out(text);
  try {
    await writeFile(outputFile, `${text}\n`);
  } catch (error) {
    throw new UsageError(`--output-file ${outputFile}: ${fileErrorText(error)}`);
  }
}
