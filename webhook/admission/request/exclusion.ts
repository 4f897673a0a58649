// SPDX-License-Identifier: Apache-2.0
import { isJsonObject } from '../../../core/json.ts';
import type { ReviewRequest } from './review.ts';
import type { Workload } from './workloads.ts';
import { isPod } from './workloads.ts';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const NODES_GROUP = 'system:nodes';

/**
 * Namespaces that are not protected: our own (its Pods could otherwise not start while we are down)
 * and the configured ones. By the request's namespace, which the API server sets; never by the object's.
 */
export function isExcludedNamespace(namespace: string, ownNamespace: string, excluded: readonly string[]): boolean {
  return namespace !== '' && (namespace === ownNamespace || excluded.includes(namespace));
}

/**
 * A mirror pod only shows a static pod that the kubelet runs already; to refuse it stops nothing.
 * The annotation is anyone's to write, so it counts only from a node (NodeRestriction lets nodes
 * create nothing but mirror pods).
 */
export function isMirrorPod(row: Workload, request: ReviewRequest): boolean {
  if (!isPod(row) || request.operation !== 'CREATE' || request.subResource !== '') return false;
  if (!request.groups.includes(NODES_GROUP)) return false;
  const metadata = request.object?.['metadata'];
  const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined;
  return isJsonObject(annotations) && typeof annotations[MIRROR_ANNOTATION] === 'string';
}
