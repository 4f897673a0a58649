// SPDX-License-Identifier: Apache-2.0
import type { SignatureFormat } from '../../signatures/types.ts';
import type { Repository } from '../../image/types.ts';
import { createRecentlyUsed } from '../../recently-used.ts';

/** Which format to ask for first: a guess that saves requests and decides nothing. */
export interface FormatMemory {
  readonly expected: (repository: Repository) => SignatureFormat;
  readonly worked: (repository: Repository, format: SignatureFormat) => void;
  /** Whether to ask for both at once: where nothing is known, and once for each repository. */
  readonly triesBoth: (repository: Repository) => boolean;
}

const MAXIMUM_REPOSITORIES = 50_000;

/** What last worked in the repository, else on its registry, else `.sig`: the cheaper one to ask for. */
export function createFormatMemory(): FormatMemory {
  const formats = createRecentlyUsed<SignatureFormat>(MAXIMUM_REPOSITORIES);
  const tried = createRecentlyUsed<number>(MAXIMUM_REPOSITORIES);
  const known = ({ registry, path }: Repository) => formats.get(`${registry}/${path}`) ?? formats.get(registry);
  const remember = (name: string, format: SignatureFormat) => {
    // Mostly it is what is known, and then to look at it is enough.
    if (formats.get(name) !== format) formats.set(name, format);
  };
  return {
    expected: (repository) => known(repository) ?? 'simple-signing',
    triesBoth(repository) {
      const name = `${repository.registry}/${repository.path}`;
      if (known(repository) !== undefined || tried.has(name)) return false;
      tried.set(name, 1);
      return true;
    },
    worked: ({ registry, path }, format) => {
      remember(`${registry}/${path}`, format);
      remember(registry, format);
    },
  };
}
