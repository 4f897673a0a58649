// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_CONFIGURATION, loadConfiguration } from '../../core/config/configuration.ts';
import { ConfigurationError } from '../../core/config/faults.ts';
import { loadCredentialPrograms } from '../../core/config/credential-providers.ts';
import { loadClientAuthorities, type ClientAuthorities } from '../../core/config/client-certificates.ts';
import { loadRegistrySettings } from '../../core/config/registry-settings.ts';
import type { Configuration } from '../../core/config/types.ts';
import { errorText } from '../../core/text.ts';
import type { Logger } from '../../core/observe.ts';
import { readBoundedText } from '../../core/read-bounded.ts';
import { createProgramKeychain, type ProgramOptions } from '../../core/registry/credentials/configured.ts';
import type { SettingsOf } from '../../core/registry/transport/endpoints.ts';
import type { Keychain } from '../../core/registry/types.ts';
import { loadTufRepositories, type TufRepository } from '../../core/tuf/repository.ts';
import type { TrustRoots } from '../../core/sigstore/trust/trust-root.ts';
import { createTrustRoots, type FollowedText } from '../../core/verdict/trust-roots.ts';
import { watchFiles } from './file-watch.ts';

/** What the configuration file and the files that it names amount to. */
interface Loaded {
  readonly configuration: Configuration;
  readonly settings: SettingsOf;
  readonly trustRoots: TrustRoots;
  readonly tufRepositories: readonly TufRepository[];
  readonly credentials: Keychain;
  readonly clientAuthorities: ClientAuthorities | undefined;
  /** Everything read, to tell a change from a mere touch. */
  readonly text: string;
}

export interface LiveConfiguration {
  readonly configuration: () => Configuration;
  readonly settings: SettingsOf;
  readonly trustRoots: TrustRoots;
  readonly tufRepositories: () => readonly TufRepository[];
  /** Of the programs that the configuration names. */
  readonly credentials: Keychain;
  /** Of callers of the webhook; undefined: they need no certificates. */
  readonly clientAuthorities: () => ClientAuthorities | undefined;
  stop(): Promise<void>;
}

export interface LiveConfigurationOptions {
  /** Undefined: the defaults, for ever. */
  readonly path: string | undefined;
  readonly log: Logger;
  readonly onReload: (succeeded: boolean) => void;
  /** The newest trusted_root.json of a repository; rejects while there is none, and asks nobody. */
  readonly followedText?: (repository: TufRepository) => Promise<string>;
  /** Variables of the process, for programs that know credentials. */
  readonly environment?: ProgramOptions['environment'];
  /** Milliseconds, for tests. */
  readonly poll?: number;
}

/**
 * The configuration, followed. Fails (`ConfigurationError`) where the first one is not usable; later
 * ones that are not usable are reported, and the last good one stays in force.
 */
export async function followConfiguration(options: LiveConfigurationOptions): Promise<LiveConfiguration> {
  const { path, log, onReload } = options;
  const loading: LoadOptions = {
    environment: options.environment ?? {},
    clock: Date.now,
    log,
    ...(options.followedText && { followedText: options.followedText }),
  };
  let loaded = await load(path, loading);
  let refused = '';

  async function reload(): Promise<void> {
    try {
      const next = await load(path, loading);
      refused = '';
      if (next.text === loaded.text) return;
      loaded = next;
      log.info('configuration reloaded', { path });
      onReload(true);
    } catch (thrown) {
      const reason = errorText(thrown);
      // Polling must not repeat the same complaint.
      if (reason === refused) return;
      refused = reason;
      log.error('the configuration is not usable; the last one stays in force', { path, error: reason });
      onReload(false);
    }
  }

  const watcher =
    path === undefined
      ? undefined
      : watchFiles({
          paths: [path],
          onChange: reload,
          log,
          ...(options.poll !== undefined && { poll: options.poll }),
        });
  return {
    configuration: () => loaded.configuration,
    settings: (host) => loaded.settings(host),
    trustRoots: { names: () => loaded.trustRoots.names(), load: (name) => loaded.trustRoots.load(name) },
    tufRepositories: () => loaded.tufRepositories,
    credentials: { resolve: (repository) => loaded.credentials.resolve(repository) },
    clientAuthorities: () => loaded.clientAuthorities,
    stop: async () => watcher?.stop(),
  };
}

type LoadOptions = ProgramOptions & Pick<LiveConfigurationOptions, 'followedText'>;

async function load(path: string | undefined, loading: LoadOptions): Promise<Loaded> {
  const configuration = path === undefined ? DEFAULT_CONFIGURATION : await loadConfiguration(path);
  const texts: string[] = [JSON.stringify(configuration)];
  const read = async (file: string) => {
    const text = await readBoundedText(file);
    texts.push(`${file}\0${text}`);
    return text;
  };
  const settings = await loadRegistrySettings(configuration.registries, read);
  const clientAuthorities = await loadClientAuthorities(configuration, read);
  const credentials = createProgramKeychain(await loadCredentialPrograms(configuration, read), loading);
  for (const [index, { file }] of configuration.trustRoots.entries()) {
    if (file === undefined) continue;
    await read(file).catch((thrown: unknown) => {
      const message = `${file}: ${errorText(thrown)}`;
      throw new ConfigurationError([{ path: `$.trustRoots[${index}].file`, message }]);
    });
  }
  const tufRepositories = await loadTufRepositories(configuration.trustRoots, read);
  const trustRoots = createTrustRoots(
    configuration.trustRoots,
    (file) => readBoundedText(file),
    followedBy(tufRepositories, loading.followedText),
  );
  return {
    configuration,
    settings,
    trustRoots,
    tufRepositories,
    credentials,
    clientAuthorities,
    text: texts.join('\0'),
  };
}

/** By name, of exactly the repositories that this configuration names. */
function followedBy(
  repositories: readonly TufRepository[],
  textOf: LiveConfigurationOptions['followedText'],
): FollowedText | undefined {
  if (textOf === undefined) return undefined;
  const byName = new Map(repositories.map((repository) => [repository.name, repository]));
  return async (name) => {
    const repository = byName.get(name);
    if (repository === undefined) throw new Error(`no trust root is named "${name}"`);
    return textOf(repository);
  };
}
