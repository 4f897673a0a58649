// SPDX-License-Identifier: Apache-2.0
import type { Repository } from '../../image/types.ts';
import type { Credential, Keychain } from '../types.ts';
import { CredentialsUnavailable, orOutage } from './unavailable.ts';

export const anonymousKeychain: Keychain = { resolve: () => Promise.resolve([]) };

/** The candidates of all, in order: the Pod's own secrets come before those of the operator. */
export function chainKeychains(keychains: readonly Keychain[]): Keychain {
  return {
    async resolve(repository) {
      const outages: CredentialsUnavailable[] = [];
      const asked = keychains.map((keychain) => findOf(keychain, repository, outages));
      return orOutage((await Promise.all(asked)).flat(), outages[0]);
    },
  };
}

/** What it finds, also where it has not asked everybody. */
async function findOf(
  keychain: Keychain,
  repository: Repository,
  outages: CredentialsUnavailable[],
): Promise<readonly Credential[]> {
  try {
    return await keychain.resolve(repository);
  } catch (error) {
    if (!(error instanceof CredentialsUnavailable)) throw error;
    outages.push(error);
    return error.found;
  }
}
