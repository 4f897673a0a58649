// SPDX-License-Identifier: Apache-2.0
import type { TrustRootConfiguration } from '../config/types.ts';
import type { TrustRoot } from '../cosign/trust-root.ts';
import type { TrustRoots } from './prover.ts';

/** The public-good instance of Sigstore, embedded; a configured root of this name replaces it. */
export const PUBLIC_GOOD = 'public-good';

/**
 * Trust roots by name, each read and parsed when first needed: key-only policies never load one.
 * A file that could not be used is tried again at the next need.
 */
export function createTrustRoots(
  configured: readonly TrustRootConfiguration[],
  readFile: (path: string) => Promise<string>,
): TrustRoots {
  const files = new Map(configured.map(({ name, file }) => [name, file]));
  const loaded = new Map<string, Promise<TrustRoot>>();

  const read = async (name: string): Promise<TrustRoot> => {
    const { parseTrustRoot } = await import('../cosign/trust-root.ts');
    const file = files.get(name);
    if (file !== undefined) {
      return parseTrustRoot(await readFile(file));
    }
    if (name !== PUBLIC_GOOD) {
      throw new Error(`no trust root is named "${name}"`);
    }
    const { publicGoodTrustRoot } = await import('../cosign/public-good.ts');
    return publicGoodTrustRoot();
  };

  return {
    names: () => [...new Set([PUBLIC_GOOD, ...files.keys()])],
    load: (name) => {
      const known = loaded.get(name);
      if (known !== undefined) {
        return known;
      }
      const root = read(name);
      loaded.set(name, root);
      root.catch(() => loaded.delete(name));
      return root;
    },
  };
}
