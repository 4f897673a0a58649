// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import packageFile from '../../package.json' with { type: 'json' };
import { PLATFORMS, programName, type Platform } from './platforms.ts';

export interface KrewOptions {
  /** Folder of the archives. */
  readonly url: string;
  /** Of each archive, hexadecimal. */
  readonly sha256: ReadonlyMap<Platform, string>;
}

export function archiveName(platform: Platform): string {
  return `cosignet-${platform}.tar.gz`;
}

/** The manifest by which `kubectl krew install` finds the program of each platform and checks it. */
export function krewManifest({ url, sha256 }: KrewOptions): string {
  return stringify({
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: packageFile.name },
    spec: {
      version: `v${packageFile.version}`,
      homepage: url,
      shortDescription: 'Check which images are signed with cosign',
      description:
        'Tells which images, manifests and Pods of a cluster would be refused because they are not signed with cosign, and why. Checks policies before they are applied.',
      platforms: PLATFORMS.map((platform) => {
        const [os, arch] = platform.split('-');
        return {
          selector: { matchLabels: { os, arch } },
          uri: `${url}/${archiveName(platform)}`,
          sha256: sha256.get(platform),
          bin: programName(platform),
        };
      }),
    },
  });
}
