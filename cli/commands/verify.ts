// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../../core/config/types.ts';
import type { ReadKms } from '../../core/kms/types.ts';
import type { PolicyStore } from '../../core/policy/store/store.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { anonymousKeychain } from '../../core/registry/credentials/keychains.ts';
import type { RegistryClient } from '../../core/registry/types.ts';
import { printable } from '../../core/text.ts';
import { documentedVerdict, verdictText } from '../../core/verdict/verdict-text.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { personalKmsReader } from '../inputs/kms-keys.ts';
import { commandKeychain } from '../inputs/credentials.ts';
import { readManifests, type Manifests } from '../inputs/manifests.ts';
import { documentText } from '../output/document.ts';
import { exitCodeOf, UsageError, worstOf, type ExitCode } from '../output/exit.ts';
import { namespaceContext, type NamespaceOptions } from '../inputs/namespace.ts';
import { loadPolicySource, type PolicyOptions } from '../inputs/policies.ts';
import type { RegistryOptions } from '../inputs/registries.ts';
import type { Terminal } from '../output/terminal.ts';
import type { TrustRootOptions } from '../inputs/trust-roots.ts';
import { asksCluster, openChosenCluster, type ClusterChoice } from '../cluster/chosen-cluster.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { compiledStore } from '../cluster/policy-store.ts';
import { createLayoutRegistry, digestsOf } from '../layout/layout-registry.ts';
import { openLayout } from '../layout/oci-layout.ts';
import { decideItems } from '../scan/decide-items.ts';
import { itemsOfManifests, type InventoryItem } from '../scan/inventory.ts';
import { renderReport, type ScanFormat } from '../scan/render.ts';
import { createReport, placesText, type ScannedImage } from '../scan/report.ts';

export type VerifyFormat = 'text' | ScanFormat;

export interface VerifyOptions
  extends PolicyOptions, NamespaceOptions, RegistryOptions, TrustRootOptions, ClusterChoice {
  /** Files or folders with manifests, `-` for standard input: their images are checked beside those that are named. */
  readonly filename: readonly string[];
  /** A folder that has the images, in place of registries. */
  readonly ociLayout?: string;
  /** Undefined: a table for manifests, else text. */
  readonly output?: VerifyFormat;
}

/** Decides about each image as the webhook would, and prints the verdicts in the order of the images, or as a report. */
export async function verify(named: readonly string[], options: VerifyOptions, terminal: Terminal): Promise<ExitCode> {
  const { filename } = options;
  requireImages(named, options);
  const cluster = asksCluster(options, hasPolicies(options))
    ? await openChosenCluster(options, anonymousKeychain, terminal)
    : undefined;
  try {
    const configuration = cluster?.configuration ?? (await configurationOf(options));
    const { images, registry } = await sourceOf(options, named, configuration);
    const manifests = await readManifests(filename, terminal, configuration.workloads);
    const keychain = await commandKeychain(terminal.environment, configuration);
    const contextOf = await contextsOf(manifests, namespaceOf(options, cluster), cluster);
    const isOfCluster = cluster !== undefined && options.config === undefined;
    const readKms = personalKmsReader({ configuration, isOfCluster, environment: terminal.environment });
    const items = [
      ...images.map((image) => ({ image, namespace: contextOf(undefined), keychain, pods: [] })),
      ...itemsOfManifests(manifests.images, contextOf, keychain),
    ];
    if (items.length === 0) terminal.err(`cosignet: there is no image in ${filename.join(', ')}`);
    const decided = await decideItems(items, {
      options,
      configuration,
      policies: (trustRoots) => policiesOf(options, { configuration, trustRoots, cluster, readKms }),
      registry,
      ...(items.some((item) => item.namespace.name === undefined) && { given: contextOf(undefined) }),
      terminal,
    });
    print(decided, items, { options, terminal });
    return worstOf(decided.map(({ verdict }) => exitCodeOf(verdict)));
  } finally {
    await cluster?.close();
  }
}

function requireImages(named: readonly string[], { filename, ociLayout }: VerifyOptions): void {
  if (named.length === 0 && filename.length === 0 && ociLayout === undefined)
    throw new UsageError('name an image, or manifests with --filename');
}

interface ImageSource {
  /** Undefined: registries over the network. */
  readonly registry?: RegistryClient;
  /** Those that were named, or all that it lists. */
  readonly images: readonly string[];
}

async function sourceOf(
  { ociLayout, filename, key = [] }: VerifyOptions,
  named: readonly string[],
  { limits }: Configuration,
): Promise<ImageSource> {
  if (ociLayout === undefined) return { images: named };
  if (filename.length > 0) throw new UsageError('--oci-layout is for images that are named, and not for --filename');
  // What a layout calls its images was written by whoever made it: it must not choose the policy.
  if (named.length === 0 && key.length === 0)
    throw new UsageError('with policies, --oci-layout needs the name of the image that it is checked as');
  const layout = await openLayout(ociLayout, limits);
  const registry = createLayoutRegistry(layout, limits);
  if (named.length > 0) return { registry, images: named };
  const digests = await digestsOf(layout, limits);
  if (digests.length === 0) throw new UsageError(`${ociLayout} lists no image`);
  return { registry, images: digests.map((digest) => `${UNNAMED}@${digest}`) };
}

/** Keys on the command line are for images of any name. */
const UNNAMED = 'localhost/oci-layout';

function hasPolicies({ policies, key = [] }: VerifyOptions): boolean {
  return policies.length > 0 || key.length > 0;
}

function namespaceOf(options: VerifyOptions, cluster: Cluster | undefined): NamespaceContext {
  const namespace = options.namespace ?? cluster?.defaultNamespace;
  return namespaceContext({ ...options, ...(namespace !== undefined && { namespace }) });
}

interface PolicyContext {
  readonly configuration: Configuration;
  readonly trustRoots: readonly string[];
  readonly cluster: Cluster | undefined;
  readonly readKms: ReadKms;
}

/** Those of the cluster, unless others are given. */
async function policiesOf(options: VerifyOptions, context: PolicyContext): Promise<PolicyStore> {
  const { configuration, trustRoots, cluster, readKms } = context;
  if (cluster !== undefined && !hasPolicies(options)) return compiledStore(await cluster.policies(), context);
  const { namespacedPolicies } = configuration;
  return loadPolicySource(options, { trustRoots, namespacedPolicies, readKms });
}

type ContextOf = (namespace: string | undefined) => NamespaceContext;

/**
 * Of a manifest without a namespace, what was given. Labels are those of the cluster, and of a Namespace among the manifests
 * on top of them, as applying it adds them.
 */
async function contextsOf(
  { namespaces, images }: Manifests,
  given: NamespaceContext,
  cluster: Cluster | undefined,
): Promise<ContextOf> {
  const names = new Set([given.name, ...images.map(({ namespace }) => namespace)].flatMap((name) => name ?? []));
  const contexts = new Map<string, NamespaceContext>();
  for (const name of names) {
    const known = namespaceContext({ namespace: name, namespaceLabel: [] });
    const there = await cluster?.namespace(name);
    const labels = { ...there?.labels, ...namespaces.get(name), ...known.labels };
    contexts.set(name, { name, labels: name === given.name ? { ...labels, ...given.labels } : labels });
  }
  return (name = given.name) => (name === undefined ? given : (contexts.get(name) ?? given));
}

interface Printing {
  readonly options: VerifyOptions;
  readonly terminal: Terminal;
}

function print(decided: readonly ScannedImage[], items: readonly InventoryItem[], printing: Printing): void {
  const { options, terminal } = printing;
  const { filename, output = filename.length > 0 ? 'table' : 'text' } = options;
  if (output === 'text') return decided.forEach((item) => terminal.out(textOf(item)));
  if (output === 'json')
    return decided.forEach((item, index) => terminal.out(JSON.stringify(documentOf(item, items[index]))));
  if (output === 'yaml')
    return terminal.out(
      documentText(
        decided.map((item, index) => documentOf(item, items[index])),
        output,
      ),
    );
  const source = filename.length > 0 ? filename.join(', ') : 'the command line';
  terminal.out(renderReport(createReport(decided, { source, now: Date.now() }), output, terminal.columns));
}

function textOf({ verdict, places = [] }: ScannedImage): string {
  const written = places.map((place) => printable(`  written  ${placesText([place], 1)}`));
  return [verdictText(verdict), ...written].join('\n');
}

/** The verdict; of manifests also where the image is written, and the namespace that it is for. */
function documentOf({ verdict, places }: ScannedImage, item: InventoryItem | undefined): object {
  const documented = documentedVerdict(verdict);
  if (places === undefined) return documented;
  const namespace = item?.namespace.name;
  return { ...documented, ...(namespace !== undefined && { namespace }), places };
}
