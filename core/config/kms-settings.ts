// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { PathSegment } from './faults.ts';
import { DEFAULT_KMS, type KmsConfiguration, type KmsPluginsConfiguration } from './types.ts';

/** The end of a file's name, `sigstore-kms-NAME`, and the scheme of the keys that it knows. */
export const PLUGIN_NAME = '^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$';

export type WrittenKms = Partial<Omit<KmsConfiguration, 'plugins'>> & {
  readonly plugins?: Omit<KmsPluginsConfiguration, 'environment'> & Partial<KmsPluginsConfiguration>;
};

export function completeKms({ plugins, ...written }: WrittenKms = {}): KmsConfiguration {
  return { ...DEFAULT_KMS, ...written, ...(plugins && { plugins: { environment: [], ...plugins } }) };
}

/** What a schema can't say. */
export function kmsFaults({
  refreshSeconds,
  maxAgeSeconds,
  vault,
}: KmsConfiguration): readonly { readonly segments: readonly PathSegment[]; readonly message: string }[] {
  const early =
    maxAgeSeconds < refreshSeconds
      ? [
          {
            segments: ['kms', 'maxAgeSeconds'],
            message: 'must not be less than refreshSeconds: keys would end between',
          },
        ]
      : [];
  const isPlain = vault?.address?.startsWith('http:') === true && vault.insecure !== true;
  const message = 'is plain HTTP, by which anybody on the way could choose the key: use https, or set insecure';
  return isPlain ? [...early, { segments: ['kms', 'vault', 'address'], message }] : early;
}

/** With file names relative to the folder. */
export function resolveKms(kms: KmsConfiguration, folder: string): KmsConfiguration {
  const { plugins, vault } = kms;
  const at = (file: string) => path.resolve(folder, file);
  const kubernetes = vault?.kubernetes;
  return {
    ...kms,
    ...(plugins && { plugins: { ...plugins, folder: at(plugins.folder) } }),
    ...(vault && {
      vault: {
        ...vault,
        ...(vault.caFile !== undefined && { caFile: at(vault.caFile) }),
        ...(kubernetes?.tokenFile !== undefined && {
          kubernetes: { ...kubernetes, tokenFile: at(kubernetes.tokenFile) },
        }),
      },
    }),
  };
}
