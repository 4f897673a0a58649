// SPDX-License-Identifier: Apache-2.0
import { homedir } from 'node:os';
import path from 'node:path';
import type { Configuration } from '../../core/config/types.ts';
import { errorText } from '../../core/text.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import { loadTufRepositories, type TufRepository } from '../../core/tuf/repository.ts';
import { TufState } from '../../core/tuf/state.ts';
import type { TrustRoots } from '../../core/sigstore/trust/trust-root.ts';
import { createTrustRoots, neededTrustRoots } from '../../core/verdict/trust-roots.ts';
import type { Terminal } from '../output/terminal.ts';

export interface TrustRootOptions {
  /** Folder for what is read from TUF repositories. */
  readonly tufCache?: string;
}

/** The trust roots of one run of a command. */
export interface CommandTrustRoots extends TrustRoots {
  /**
   * Asks the TUF repositories of those that these policies need, once; what was confirmed not long ago is not asked for
   * again. Before, and where it fails with nothing kept, they can't be loaded.
   */
  prepare(policies: Iterable<CompiledPolicy>): Promise<void>;
}

const read = (file: string): Promise<string> => readBoundedText(file);

/** Fails with `ConfigurationError` where a file that trust begins with can't be used. */
export async function commandTrustRoots(
  configuration: Configuration,
  { tufCache }: TrustRootOptions,
  terminal: Terminal,
): Promise<CommandTrustRoots> {
  const cache = tufCacheFolder(tufCache, terminal.environment);
  const repositories = await loadTufRepositories(configuration.trustRoots, read);
  const texts = new Map<string, Promise<string>>();
  const followed = (name: string) =>
    texts.get(name) ?? Promise.reject(new Error(`the TUF repository of trust root "${name}" was not asked`));
  const roots = createTrustRoots(configuration.trustRoots, read, followed);
  return {
    ...roots,
    async prepare(policies) {
      const needed = neededTrustRoots(policies, roots.names());
      for (const repository of repositories.filter(({ name }) => needed.has(name))) {
        const text = textOf(repository, { cache, configuration, terminal });
        texts.set(repository.name, text);
        await text.catch(() => undefined);
      }
    },
  };
}

/**
 * `--tuf-cache`, or where programs keep what can be made again. Never relative to the folder we happen to run in, which
 * may be anybody's: what is kept there is believed.
 */
export function tufCacheFolder(given: string | undefined, environment: Terminal['environment']): string {
  if (given !== undefined) return given;
  const { XDG_CACHE_HOME: caches = '', HOME: home } = environment;
  return path.join(path.isAbsolute(caches) ? caches : path.join(home || homedir(), '.cache'), 'cosignet', 'tuf');
}

interface Around {
  readonly cache: string;
  readonly configuration: Configuration;
  readonly terminal: Terminal;
}

/** Milliseconds; a command must not hang for what it mostly has. */
const PATIENCE = { file: 5_000, all: 15_000 };

async function textOf(repository: TufRepository, { cache, configuration, terminal }: Around): Promise<string> {
  const kept = await new TufState(cache, repository.id).kept();
  if (kept !== undefined && Date.now() - kept.confirmedAt < repository.refreshSeconds * 1000) return kept.text;
  try {
    const { refreshTrustRoot } = await import('../../core/tuf/refresh.ts');
    const { proxy } = configuration;
    return await refreshTrustRoot(repository, { cache, proxy, signal: terminal.signal, patience: PATIENCE });
  } catch (error) {
    const failure = `trust root ${repository.name} could not be refreshed from ${repository.url}: ${errorText(error)}`;
    if (kept === undefined) throw new Error(failure, { cause: error });
    terminal.err(`cosignet: ${failure}; it is used as it was on ${new Date(kept.confirmedAt).toISOString()}`);
    return kept.text;
  }
}
