// SPDX-License-Identifier: Apache-2.0
import { hexOf } from '../../../core/image/digest.ts';
import type { Digest } from '../../../core/image/digest.ts';
import { bundleFor, signKeyless, SIGNED_AT } from './keyless.ts';
import type { SigningOptions } from './keyless.ts';
import type { RegistryContent } from '../registry/registry-content.ts';
import type { Sigstore } from './sigstore.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** An image (`repository:tag`) with a keyless bundle, by a log entry or by a timestamp alone. */
export function putKeylessImage(
  content: RegistryContent,
  image: string,
  sigstore: Sigstore,
  options: SigningOptions & { readonly evidence?: 'log' | 'timestamp' } = {},
): void {
  const digest = putImage(content, image);
  const statement = { predicateType: 'https://sigstore.dev/cosign/sign/v1', predicate: {} };
  putStatement(content, { image, digest, statement }, { sigstore, ...options });
}

/** An image that is nothing but its digest. */
export function putImage(content: RegistryContent, image: string): Digest {
  const [repository = '', tag = ''] = image.split(':');
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    ...content.putBlob(repository, `{"${tag}":1}`),
  };
  return content.putManifest(repository, { schemaVersion: 2, mediaType: MANIFEST, config, layers: [] }, tag);
}

interface Attested {
  readonly image: string;
  readonly digest: Digest;
  readonly statement: { readonly predicateType: string; readonly predicate: object };
}

/** A statement about the image, in a bundle beside it. @returns the digest of the bundle's manifest. */
export function putStatement(
  content: RegistryContent,
  { image, digest, statement: { predicateType, predicate } }: Attested,
  { evidence = 'log', ...options }: SigningOptions & { readonly evidence?: 'log' | 'timestamp' | 'none' },
): Digest {
  const subject = [{ digest: { sha256: hexOf(digest) } }];
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject, predicateType, predicate };
  const proof = {
    log: { entry: 'dsse1', loggedAt: SIGNED_AT } as const,
    timestamp: { stampedAt: SIGNED_AT },
    none: {},
  }[evidence];
  return putBundle(content, { image, digest }, bundleFor(signKeyless({ statement, ...proof, ...options })));
}

/** A bundle beside the image. @returns the digest of its manifest. */
export function putBundle(
  content: RegistryContent,
  { image, digest }: Pick<Attested, 'image' | 'digest'>,
  bundle: object,
): Digest {
  const [repository = ''] = image.split(':');
  const size = content.manifest(repository, digest)?.bytes.length ?? 0;
  return content.putManifest(repository, {
    schemaVersion: 2,
    mediaType: MANIFEST,
    artifactType: BUNDLE,
    config: { mediaType: 'application/vnd.oci.empty.v1+json', ...content.putBlob(repository, '{}') },
    layers: [{ mediaType: BUNDLE, ...content.putBlob(repository, JSON.stringify(bundle)) }],
    subject: { mediaType: MANIFEST, digest, size },
  });
}
