// SPDX-License-Identifier: Apache-2.0
import type { ImagePolicy, ImagePolicySpec, ImagePolicyStatus, ObjectMetadata } from './image-policy.gen.ts';

export type NamespacedImagePolicySpec = Omit<ImagePolicySpec, 'namespaceSelector'>;

/** Adds to what the policies of the cluster ask of the images in its namespace; the same spec less the selector. */
export interface NamespacedImagePolicy {
  readonly apiVersion: 'cosignet.dev/v1';
  readonly kind: 'NamespacedImagePolicy';
  readonly metadata: ObjectMetadata & { readonly namespace: string };
  readonly spec: NamespacedImagePolicySpec;
  readonly status?: ImagePolicyStatus;
}

export type AnyImagePolicy = ImagePolicy | NamespacedImagePolicy;

/** Undefined: of the cluster. */
export function namespaceOf(policy: AnyImagePolicy): string | undefined {
  return policy.kind === 'NamespacedImagePolicy' ? policy.metadata.namespace : undefined;
}

/** The configuration may leave the policies of namespaces out. */
export function isFollowed(
  { kind }: AnyImagePolicy,
  { namespacedPolicies }: { readonly namespacedPolicies: boolean },
): boolean {
  return namespacedPolicies || kind !== 'NamespacedImagePolicy';
}

/** What tells a policy from all others, in messages too: `name`, or `namespace/name`. No name has a slash in it. */
export function policyName(policy: AnyImagePolicy): string {
  return joinPolicyName({ namespace: namespaceOf(policy), name: policy.metadata.name });
}

export function joinPolicyName({
  namespace,
  name,
}: {
  readonly namespace?: string | undefined;
  readonly name: string;
}): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The parts of a policy's name; without a namespace it is one of the cluster. */
export function splitPolicyName(name: string): { readonly namespace?: string; readonly name: string } {
  const slash = name.indexOf('/');
  return slash === -1 ? { name } : { namespace: name.slice(0, slash), name: name.slice(slash + 1) };
}
