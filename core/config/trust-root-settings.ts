// SPDX-License-Identifier: Apache-2.0
import path from 'node:path';
import type { PathSegment } from './faults.ts';
import { urlFault } from './notifications.ts';
import type { TrustRootConfiguration, TufConfiguration } from './types.ts';

export type WrittenTrustRoot = Omit<TrustRootConfiguration, 'tuf'> & {
  readonly tuf?: Pick<TufConfiguration, 'url' | 'rootFile'> & Partial<TufConfiguration>;
};

/** A quarter of a day: timestamps of TUF repositories expire after a few days, revocations should not wait as long. */
const REFRESH_SECONDS = 21_600;

export function completeTrustRoot({ tuf, ...written }: WrittenTrustRoot): TrustRootConfiguration {
  if (tuf === undefined) return written;
  const defaults = { targetName: 'trusted_root.json', refreshSeconds: REFRESH_SECONDS, insecure: false };
  return { ...written, tuf: { ...defaults, ...tuf } };
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
  return trustRoots.flatMap(({ file, tuf }, index) => {
    const segments = ['trustRoots', index];
    if ((file === undefined) === (tuf === undefined)) {
      return [{ segments, message: 'needs exactly one of file and tuf' }];
    }
    const message = tuf === undefined ? undefined : repositoryFault(tuf);
    return message === undefined ? [] : [{ segments: [...segments, 'tuf', 'url'], message }];
  });
}

/** File names are put behind the address. */
function repositoryFault({ url, insecure }: TufConfiguration): string | undefined {
  return urlFault(url, insecure) ?? (/[?#]/.test(url) ? 'must not have a query or a fragment' : undefined);
}
