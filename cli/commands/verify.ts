// SPDX-License-Identifier: Apache-2.0
import type { NamespaceContext } from '../../core/policy/types.ts';
import { printable } from '../../core/text.ts';
import { documentedVerdict, verdictJson, verdictText } from '../../core/verdict/verdict-text.ts';
import { configurationOf } from '../inputs/configuration.ts';
import { commandKeychain } from '../inputs/credentials.ts';
import { readManifests, type Manifests } from '../inputs/manifests.ts';
import { exitCodeOf, UsageError, worstOf, type ExitCode } from '../output/exit.ts';
import { namespaceContext, type NamespaceOptions } from '../inputs/namespace.ts';
import { loadPolicySource, type PolicyOptions } from '../inputs/policies.ts';
import type { RegistryOptions } from '../inputs/registries.ts';
import type { Terminal } from '../output/terminal.ts';
import type { TrustRootOptions } from '../inputs/trust-roots.ts';
import { decideItems } from '../scan/decide-items.ts';
import { itemsOfManifests, type InventoryItem } from '../scan/inventory.ts';
import { renderReport, type ScanFormat } from '../scan/render.ts';
import { createReport, placesText, type ScannedImage } from '../scan/report.ts';

export type VerifyFormat = 'text' | ScanFormat;

export interface VerifyOptions extends PolicyOptions, NamespaceOptions, RegistryOptions, TrustRootOptions {
  /** Files or folders with manifests, `-` for standard input: their images are judged beside those that are named. */
  readonly filename: readonly string[];
  readonly config?: string;
  /** Undefined: a table for manifests, else text. */
  readonly output?: VerifyFormat;
}

/** Decides about each image as the webhook would, and prints the verdicts in the order of the images, or as a report. */
export async function verify(images: readonly string[], options: VerifyOptions, terminal: Terminal): Promise<ExitCode> {
  const { filename } = options;
  if (images.length === 0 && filename.length === 0) throw new UsageError('name an image, or manifests with --filename');
  const configuration = await configurationOf(options);
  const namespace = namespaceContext(options);
  const manifests = await readManifests(filename, terminal);
  const keychain = await commandKeychain(terminal.environment, configuration);
  const items = [
    ...images.map((image) => ({ image, namespace, keychain, pods: [] })),
    ...itemsOfManifests(manifests.images, contextsOf(manifests, namespace), keychain),
  ];
  if (items.length === 0) terminal.err(`cosignet: there is no image in ${filename.join(', ')}`);
  const decided = await decideItems(items, {
    options,
    configuration,
    policies: (trustRoots) =>
      loadPolicySource(options, { trustRoots, namespacedPolicies: configuration.namespacedPolicies }),
    ...(items.some((item) => item.namespace.name === undefined) && { given: namespace }),
    terminal,
  });
  print(decided, items, { options, terminal });
  return worstOf(decided.map(({ verdict }) => exitCodeOf(verdict)));
}

/** Of a manifest without a namespace, what was given; of a Namespace among the manifests, its labels. */
function contextsOf({ namespaces }: Manifests, given: NamespaceContext) {
  return (name: string | undefined): NamespaceContext => {
    if (name === undefined || name === given.name) {
      const own = given.name === undefined ? {} : namespaces.get(given.name);
      return { ...given, labels: { ...own, ...given.labels } };
    }
    const known = namespaceContext({ namespace: name, namespaceLabel: [] });
    return { ...known, labels: { ...namespaces.get(name), ...known.labels } };
  };
}

interface Printing {
  readonly options: VerifyOptions;
  readonly terminal: Terminal;
}

function print(decided: readonly ScannedImage[], items: readonly InventoryItem[], printing: Printing): void {
  const { options, terminal } = printing;
  const { filename, output = filename.length > 0 ? 'table' : 'text' } = options;
  if (output === 'text') return decided.forEach((item) => terminal.out(textOf(item)));
  if (output === 'json') return decided.forEach((item, index) => terminal.out(lineOf(item, items[index])));
  const source = filename.length > 0 ? filename.join(', ') : 'the command line';
  terminal.out(renderReport(createReport(decided, { source, now: Date.now() }), output));
}

function textOf({ verdict, places = [] }: ScannedImage): string {
  const written = places.map((place) => printable(`  written  ${placesText([place], 1)}`));
  return [verdictText(verdict), ...written].join('\n');
}

/** One verdict a line; of manifests also where the image is written, and the namespace that it is for. */
function lineOf({ verdict, places }: ScannedImage, item: InventoryItem | undefined): string {
  if (places === undefined) return verdictJson(verdict);
  const namespace = item?.namespace.name;
  return JSON.stringify({ ...documentedVerdict(verdict), ...(namespace !== undefined && { namespace }), places });
}
