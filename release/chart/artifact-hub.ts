// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import { layoutOf, type Layout } from '../formats/layout.ts';
import { addArtifact, type Blobs } from '../formats/oci.ts';

/** The tag, beside the chart's versions, at which Artifact Hub looks for it. */
export const ARTIFACT_HUB_TAG = 'artifacthub.io';

/**
 * What proves to Artifact Hub that whoever listed the chart's repository there may write to it.
 *
 * @param repositoryId what Artifact Hub shows once the repository is listed
 */
export function artifactHubLayout(repositoryId: string): Layout {
  const blobs: Blobs = new Map();
  const root = addArtifact(blobs, {
    config: { mediaType: 'application/vnd.cncf.artifacthub.config.v1+yaml', content: Buffer.from('') },
    content: {
      mediaType: 'application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml',
      content: Buffer.from(stringify({ repositoryID: repositoryId })),
    },
    annotations: { 'org.opencontainers.image.title': 'artifacthub-repo.yml' },
  });
  return layoutOf(blobs, root, ARTIFACT_HUB_TAG);
}
