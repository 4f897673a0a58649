// SPDX-License-Identifier: Apache-2.0
import { hexOf } from '../../core/image/digest.ts';
import { bundleFor, signKeyless, SIGNED_AT } from './keyless.ts';
import type { SigningOptions } from './keyless.ts';
import type { RegistryContent } from './registry-content.ts';
import type { Sigstore } from './sigstore.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** An image (`repository:tag`) with a keyless bundle, by a log entry or by a timestamp alone. */
export function putKeylessImage(
  content: RegistryContent,
  image: string,
  sigstore: Sigstore,
  { evidence = 'log', ...options }: SigningOptions & { readonly evidence?: 'log' | 'timestamp' } = {},
): void {
  const [repository = '', tag = ''] = image.split(':');
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    ...content.putBlob(repository, `{"${tag}":1}`),
  };
  const digest = content.putManifest(repository, { schemaVersion: 2, mediaType: MANIFEST, config, layers: [] }, tag);
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: hexOf(digest) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
  };
  const proof = evidence === 'log' ? { entry: 'dsse1' as const, loggedAt: SIGNED_AT } : { stampedAt: SIGNED_AT };
  const bundle = bundleFor(signKeyless({ sigstore, statement, ...proof, ...options }));
  const size = content.manifest(repository, digest)?.bytes.length ?? 0;
  content.putManifest(repository, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: BUNDLE,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', ...content.putBlob(repository, '{}') },
    layers: [{ mediaType: BUNDLE, ...content.putBlob(repository, JSON.stringify(bundle)) }],
    subject: { mediaType: MANIFEST, digest, size },
  });
}
