// SPDX-License-Identifier: Apache-2.0
import { isMap, isScalar, parseDocument, type Document } from 'yaml';

const SCHEMA = ['spec', 'versions', 0, 'schema', 'openAPIV3Schema'] as const;
const SPEC = [...SCHEMA, 'properties', 'spec', 'properties'] as const;
const CONDITIONS = [...SCHEMA, 'properties', 'status', 'properties', 'conditions'] as const;

const COMMENT = ` SPDX-License-Identifier: Apache-2.0
 Generated from crds/imagepolicies.cosignet.dev.yaml by crds/generate.ts. Do not edit.`;

/** What a namespaced policy means otherwise than one of the cluster. */
const DIFFERENCES: readonly (readonly [path: readonly (string | number)[], value: unknown])[] = [
  [['metadata', 'name'], 'namespacedimagepolicies.cosignet.dev'],
  [['spec', 'scope'], 'Namespaced'],
  [['spec', 'names', 'kind'], 'NamespacedImagePolicy'],
  [['spec', 'names', 'listKind'], 'NamespacedImagePolicyList'],
  [['spec', 'names', 'plural'], 'namespacedimagepolicies'],
  [['spec', 'names', 'singular'], 'namespacedimagepolicy'],
  [['spec', 'names', 'shortNames', 0], 'nsigpol'],
  [
    [...SCHEMA, 'description'],
    'NamespacedImagePolicy adds to what the ImagePolicies of the cluster ask of the images in its namespace, and takes ' +
      'nothing away. Of those of a namespace the ones with the most specific pattern apply to an image; all of them ' +
      'must be satisfied, as must the policies of the cluster.',
  ],
  [[...SCHEMA, 'properties', 'kind', 'description'], 'The kind of this object, NamespacedImagePolicy.'],
  [
    [...SPEC, 'action', 'description'],
    'What is done with the images: Verify (their signatures must satisfy this policy too), Deny, or Allow, which adds ' +
      'nothing: what the policies of the cluster ask stays asked.',
  ],
  [
    [...SPEC, 'keys', 'items', 'properties', 'secretRef', 'description'],
    "A Secret in the policy's own namespace that holds the public key. It is read again every half minute.",
  ],
  [
    [...SPEC, 'certificates', 'items', 'properties', 'secretRef', 'description'],
    "A Secret in the policy's own namespace that holds these certificates. It is read again every half minute.",
  ],
  [
    [...SPEC, 'signatureSecret', 'description'],
    "An image pull secret in the policy's own namespace with the credentials for signatureRepository. It is read again " +
      'every half minute. Left out, signatures are read with the credentials that the image is pulled with.',
  ],
  [
    [...CONDITIONS, 'description'],
    '`Ready`: the policy is in use; where it is False the policy denies its images in its namespace, and reason and ' +
      'message say why. `Shadowed`: other policies of the namespace take every image of this one. `Expiring`: it, or a ' +
      'key of it, ends within two weeks. `Expired`: it adds nothing any more.',
  ],
];

/** Cosignet's own identity reads what a KMS holds: who has a namespace must not make it ask. */
const NO_KMS = {
  rule: '!has(self.kms)',
  message: 'kms is for ImagePolicies only: give the public key as pem or secretRef',
};

function refuseKms(document: Document): void {
  const keys = [...SPEC, 'keys', 'items'];
  if (!document.hasIn([...keys, 'properties', 'kms'])) throw new Error('keys have no kms');
  document.setIn([...keys, 'properties', 'kms', 'description'], 'For ImagePolicies only; refused here.');
  document.addIn([...keys, 'x-kubernetes-validations'], document.createNode(NO_KMS));
}

/** The definition of NamespacedImagePolicy from the one of ImagePolicy: its spec, less `namespaceSelector`. */
export function namespacedDefinition(clusterDefinition: string): string {
  const document = parseDocument(clusterDefinition);
  for (const [path, value] of DIFFERENCES) {
    // A path that is gone must not quietly become a new field.
    if (!document.hasIn(path)) throw new Error(`the definition of ImagePolicy has no ${path.join('.')}`);
    document.setIn(path, value);
  }
  refuseKms(document);
  if (!document.deleteIn([...SPEC, 'namespaceSelector'])) throw new Error('there is no namespaceSelector');
  const firstKey = isMap(document.contents) ? document.contents.items[0]?.key : undefined;
  if (isScalar(firstKey)) firstKey.commentBefore = COMMENT;
  return document.toString({ lineWidth: 0, singleQuote: true, flowCollectionPadding: false });
}
