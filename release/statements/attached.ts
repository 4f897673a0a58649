// SPDX-License-Identifier: Apache-2.0
import { layoutOf, type Layout } from '../formats/layout.ts';
import { addArtifact, type Blobs, type Descriptor } from '../formats/oci.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/**
 * A signed statement as it lies beside what it is about in a registry: as cosign 3 attaches it (OCI distribution-spec
 * 1.1, referrers), so that cosign and the webhook find it there.
 */
export function attachedTo(subject: Descriptor, bundle: Buffer, predicateType: string): Layout {
  const blobs: Blobs = new Map();
  const root = addArtifact(blobs, {
    artifactType: BUNDLE,
    content: { mediaType: BUNDLE, content: bundle },
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
    },
    subject,
  });
  return layoutOf(blobs, root);
}
