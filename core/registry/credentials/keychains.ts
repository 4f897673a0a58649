// SPDX-License-Identifier: Apache-2.0
import type { Keychain } from '../types.ts';

export const anonymousKeychain: Keychain = { resolve: () => Promise.resolve([]) };

/** The candidates of all, in order: the Pod's own secrets come before those of the operator. */
export function chainKeychains(keychains: readonly Keychain[]): Keychain {
  return {
    async resolve(repository) {
      const found = await Promise.all(keychains.map((keychain) => keychain.resolve(repository)));
      return found.flat();
    },
  };
}
