// SPDX-License-Identifier: Apache-2.0
import { PUBLIC_GOOD } from '../config/trust-root-settings.ts';
import type { CertificateLog, TrustRootConfiguration } from '../config/types.ts';
import type { TrustRoot, TrustRoots } from '../sigstore/trust/trust-root.ts';
import { kindOf } from '../policy/signers/signers.ts';
import type { CompiledPolicy } from '../policy/types.ts';

/** The text of a trust root that is followed elsewhere; rejects with the reason while there is none. Asks nobody. */
export type FollowedText = (name: string) => Promise<string>;

interface Loaded {
  /** What it was made of; undefined: what doesn't change while this process lives. */
  readonly text: string | undefined;
  readonly root: Promise<TrustRoot>;
}

/**
 * Trust roots by name, each read and parsed when first needed: key-only policies never load one. A file that could not
 * be used is tried again at the next need. One that is followed in a TUF repository is made anew when its text changes,
 * and with that everything that was proven by the former one is no longer.
 */
export function createTrustRoots(
  configured: readonly TrustRootConfiguration[],
  readFile: (path: string) => Promise<string>,
  followed: FollowedText = noneFollowed,
): TrustRoots {
  const known = new Map(configured.map((item) => [item.name, item]));
  const loaded = new Map<string, Loaded>();

  const read = async (name: string): Promise<TrustRoot> => {
    const { file, inline, certificateLog } = known.get(name) ?? {};
    if (inline !== undefined) return parsed(inline, certificateLog);
    if (file !== undefined) return parsed(await readFile(file), certificateLog);
    if (name !== PUBLIC_GOOD) throw new Error(`no trust root is named "${name}"`);
    const { publicGoodTrustRoot } = await import('../sigstore/trust/public-good.ts');
    return publicGoodTrustRoot();
  };

  const remember = (name: string, text: string | undefined): Promise<TrustRoot> => {
    const before = loaded.get(name);
    if (before !== undefined && before.text === text) return before.root;
    const root = text === undefined ? read(name) : parsed(text, known.get(name)?.certificateLog);
    loaded.set(name, { text, root });
    root.catch(() => loaded.delete(name));
    return root;
  };

  return {
    names: () => [...new Set([PUBLIC_GOOD, ...known.keys()])],
    load: async (name) => remember(name, known.get(name)?.tuf === undefined ? undefined : await followed(name)),
  };
}

async function parsed(text: string, certificateLog: CertificateLog = 'Require'): Promise<TrustRoot> {
  const { parseTrustRoot } = await import('../sigstore/trust/trust-root.ts');
  return parseTrustRoot(text, certificateLog);
}

function noneFollowed(name: string): Promise<string> {
  return Promise.reject(new Error(`nothing follows the TUF repository of trust root "${name}"`));
}

/** Which of the trust roots could come to be asked by these policies. */
export function neededTrustRoots(policies: Iterable<CompiledPolicy>, names: readonly string[]): ReadonlySet<string> {
  const needed = new Set<string>();
  for (const { signers, transparencyLog } of policies) {
    for (const signer of signers) {
      for (const name of kindOf(signer).trustRoots(signer, { names, transparencyLog })) needed.add(name);
    }
  }
  return needed;
}
