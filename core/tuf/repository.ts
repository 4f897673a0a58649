// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { ConfigurationError } from '../config/faults.ts';
import type { TrustRootConfiguration } from '../config/types.ts';
import { isJsonObject } from '../json.ts';
import { errorText } from '../text.ts';

/** A TUF repository (The Update Framework) that a trust root is followed in. */
export interface TufRepository {
  /** Of the trust root. */
  readonly name: string;
  readonly url: string;
  readonly targetName: string;
  readonly refreshSeconds: number;
  /** Text of the root.json that trust begins with. */
  readonly root: string;
  /** Hexadecimal; of the name and all that trust begins with, so that nothing kept for one serves another. */
  readonly id: string;
}

/**
 * The repositories of `trustRoots[].tuf`, with their first root.json read.
 * Fails with `ConfigurationError` where a file can't be read or is no TUF root.
 */
export async function loadTufRepositories(
  trustRoots: readonly TrustRootConfiguration[],
  readFile: (path: string) => Promise<string>,
): Promise<readonly TufRepository[]> {
  const repositories: TufRepository[] = [];
  for (const [index, { name, tuf }] of trustRoots.entries()) {
    if (tuf === undefined) continue;
    const { url, targetName, refreshSeconds, rootFile } = tuf;
    try {
      const root = rootIn(await readFile(rootFile));
      const id = createHash('sha256')
        .update(JSON.stringify([name, url, targetName, root]))
        .digest('hex');
      repositories.push({ name, url, targetName, refreshSeconds, root, id });
    } catch (error) {
      const message = `${rootFile}: ${errorText(error)}`;
      throw new ConfigurationError([{ path: `$.trustRoots[${index}].tuf.rootFile`, message }]);
    }
  }
  return repositories;
}

/** Only whether it is one at all: a trusted_root.json in its place would fail at every refresh. */
function rootIn(text: string): string {
  const content: unknown = JSON.parse(text);
  const signed = isJsonObject(content) ? content['signed'] : undefined;
  if (!isJsonObject(signed) || signed['_type'] !== 'root') throw new Error('is not the root.json of a TUF repository');
  return text;
}
