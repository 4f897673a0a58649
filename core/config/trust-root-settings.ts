// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import { errorText } from '../text.ts';
import { ConfigurationError, jsonPath } from './faults.ts';
import type { PathSegment } from './faults.ts';
import { urlFault } from './notifications.ts';
import type { TrustRootConfiguration, TufConfiguration } from './types.ts';

export type WrittenTrustRoot = Omit<TrustRootConfiguration, 'inline' | 'tuf'> & {
  readonly inline?: string | object;
  readonly tuf?: Pick<TufConfiguration, 'url' | 'rootFile'> & Partial<TufConfiguration>;
};

/** The public instance of Sigstore, embedded; a configured root of this name replaces it. */
export const PUBLIC_GOOD = 'public-good';

/** A quarter of a day: timestamps of TUF repositories expire after a few days, revocations should not wait as long. */
const REFRESH_SECONDS = 21_600;

export function completeTrustRoot({ inline, tuf, ...written }: WrittenTrustRoot): TrustRootConfiguration {
  const defaults = { targetName: 'trusted_root.json', refreshSeconds: REFRESH_SECONDS, insecure: false };
  return {
    ...written,
    ...(inline !== undefined && { inline: typeof inline === 'string' ? inline : JSON.stringify(inline) }),
    ...(tuf && { tuf: { ...defaults, ...tuf } }),
  };
}

/** With file names relative to the folder. */
export function resolveTrustRoot(item: TrustRootConfiguration, folder: string): TrustRootConfiguration {
  const { file, tuf } = item;
  return {
    ...item,
    ...(file !== undefined && { file: path.resolve(folder, file) }),
    ...(tuf && { tuf: { ...tuf, rootFile: path.resolve(folder, tuf.rootFile) } }),
  };
}

/** What a schema can't say. */
export function trustRootFaults(
  trustRoots: readonly TrustRootConfiguration[],
): readonly { readonly segments: readonly PathSegment[]; readonly message: string }[] {
  return trustRoots.flatMap(({ name, file, inline, tuf, certificateLog }, index) => {
    const segments = ['trustRoots', index];
    if ([file, inline, tuf].filter((source) => source !== undefined).length !== 1) {
      return [{ segments, message: 'needs exactly one of file, inline and tuf' }];
    }
    if (name === PUBLIC_GOOD && certificateLog === 'Ignore') {
      const message = 'must be Require: the public instance has a certificate log, and its owners watch it';
      return [{ segments: [...segments, 'certificateLog'], message }];
    }
    const message = tuf === undefined ? undefined : repositoryFault(tuf);
    return message === undefined ? [] : [{ segments: [...segments, 'tuf', 'url'], message }];
  });
}

/**
 * Fails with `ConfigurationError` where a root that stands in the configuration can't be used. Files are read when they
 * are needed: they may be mounted later, and change.
 */
export async function requireInlineRoots(trustRoots: readonly TrustRootConfiguration[]): Promise<void> {
  for (const [index, { inline }] of trustRoots.entries()) {
    if (inline === undefined) continue;
    // Not before there is one: it takes the machinery of certificates along.
    const { parseTrustRoot } = await import('../sigstore/trust/trust-root.ts');
    try {
      parseTrustRoot(inline);
    } catch (error) {
      throw new ConfigurationError([{ path: jsonPath(['trustRoots', index, 'inline']), message: errorText(error) }]);
    }
  }
}

/** File names are put behind the address. */
function repositoryFault({ url, insecure }: TufConfiguration): string | undefined {
  return urlFault(url, insecure) ?? (/[?#]/.test(url) ? 'must not have a query or a fragment' : undefined);
}
