// SPDX-License-Identifier: Apache-2.0
export type BundleVersion = '0.1' | '0.2' | '0.3';

/** What media types of bundles begin with, of all versions: a layer says only that it is one. */
export const BUNDLE_TYPE_PREFIX = 'application/vnd.dev.sigstore.bundle';

const VERSIONS: ReadonlyMap<unknown, BundleVersion> = new Map([
  ['application/vnd.dev.sigstore.bundle+json;version=0.1', '0.1'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', '0.2'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', '0.3'],
  ['application/vnd.dev.sigstore.bundle.v0.1+json', '0.1'],
  ['application/vnd.dev.sigstore.bundle.v0.2+json', '0.2'],
  ['application/vnd.dev.sigstore.bundle.v0.3+json', '0.3'],
]);

/** By the `mediaType` inside of the bundle; undefined: of no version that is known. */
export function bundleVersion(mediaType: unknown): BundleVersion | undefined {
  return VERSIONS.get(mediaType);
}
