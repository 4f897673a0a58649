// SPDX-License-Identifier: Apache-2.0
import { fileErrorText } from '../../core/text.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { UsageError } from '../output/exit.ts';
import type { ManifestImage, Place } from '../inputs/manifests.ts';
import type { PodName } from './report.ts';

/** One image to decide about: for a namespace, with the credentials that it is pulled with. */
export interface InventoryItem {
  /** As written; untrusted. */
  readonly image: string;
  /** What its node says that it runs, as in a `DecisionRequest`. */
  readonly runs?: string;
  readonly namespace: NamespaceContext;
  readonly keychain: Keychain;
  readonly pods: readonly PodName[];
  readonly line?: number;
  readonly places?: readonly Place[];
}

export interface Inventory {
  readonly items: readonly InventoryItem[];
  /** Where they come from, for people. */
  readonly source: string;
}

/** Images of a file, one a line; empty lines and those that start with `#` are comments. Each image counts once. */
export async function readImageFile(file: string, namespace: NamespaceContext, keychain: Keychain): Promise<Inventory> {
  const text = await readBoundedText(file).catch((error: unknown) => {
    throw new UsageError(`--images ${file}: ${fileErrorText(error)}`);
  });
  const lines = new Map<string, number>();
  for (const [index, line] of text.split('\n').entries()) {
    const image = line.trim();
    if (image !== '' && !image.startsWith('#') && !lines.has(image)) lines.set(image, index + 1);
  }
  if (lines.size === 0) throw new UsageError(`--images ${file}: there is no image in it`);
  const items = [...lines].map(([image, line]) => ({ image, namespace, keychain, pods: [], line }));
  return { items, source: file };
}

/** Each image once for each namespace. */
export function itemsOfManifests(
  images: readonly ManifestImage[],
  contextOf: (namespace: string | undefined) => NamespaceContext,
  keychain: Keychain,
): readonly InventoryItem[] {
  const items = new Map<string, InventoryItem & { readonly places: Place[] }>();
  for (const { image, namespace, place } of images) {
    const context = contextOf(namespace);
    const key = JSON.stringify([image, context.name]);
    const item = items.get(key) ?? { image, namespace: context, keychain, pods: [], places: [] };
    item.places.push(place);
    items.set(key, item);
  }
  return [...items.values()];
}
