// SPDX-License-Identifier: Apache-2.0
import type { PolicySnapshot } from '../../core/policy/store/store.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import { UsageError } from '../output/exit.ts';

export interface NamespaceOptions {
  readonly namespace?: string;
  /** `key=value`. */
  readonly namespaceLabel: readonly string[];
}

/** The label that every namespace carries in a cluster, and that nobody can choose. */
export const NAME_LABEL = 'kubernetes.io/metadata.name';

/** The namespace that is decided for; without a name it has no labels but those given. */
export function namespaceContext(options: NamespaceOptions): NamespaceContext {
  const labels = Object.fromEntries(options.namespaceLabel.map(parseLabel));
  const name = options.namespace;
  return name === undefined ? { labels } : { name, labels: { ...labels, [NAME_LABEL]: name } };
}

/** A sentence where policies say nothing for want of a namespace: an answer without them may not be the whole one. */
export function silentPolicies({ namespaced }: PolicySnapshot, { name }: NamespaceContext): string | undefined {
  return name !== undefined || namespaced.size === 0
    ? undefined
    : 'cosignet: NamespacedImagePolicies are left out: say by --namespace where the image is meant to run';
}

function parseLabel(text: string): readonly [string, string] {
  const [, key, value] = /^([^=\s]+)=([^=\s]*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined)
    throw new UsageError(`--namespace-label ${text}: write it as key=value`);
  return [key, value];
}
