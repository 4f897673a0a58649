// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { UsageError } from '../output/exit.ts';
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
}

export interface Inventory {
  readonly items: readonly InventoryItem[];
  /** Where they come from, for people. */
  readonly source: string;
}

/** Images of a file, one a line; empty lines and those that start with `#` are comments. Each image counts once. */
export async function readImageFile(file: string, namespace: NamespaceContext, keychain: Keychain): Promise<Inventory> {
  const text = await readBoundedText(file).catch((error: unknown) => {
    throw new UsageError(`--images ${file}: ${errorText(error)}`);
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
