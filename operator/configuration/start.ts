// SPDX-License-Identifier: Apache-2.0
import { createListeners, type Listen } from '../../core/listeners.ts';
import type { Logger } from '../../core/observe.ts';
import { followConfiguration, type LiveConfiguration } from './live-configuration.ts';
import { createTufFollower } from './tuf-follower.ts';

export interface ConfigurationOptions {
  /** Undefined: the defaults, for ever. */
  readonly path: string | undefined;
  /** Folder for what is read from TUF repositories. */
  readonly tufCache: string;
  /** Variables of the process, for programs that know credentials. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly metrics: {
    configurationReloaded(succeeded: boolean): void;
    trustRootRefreshed(name: string, succeeded: boolean): void;
  };
  readonly log: Logger;
}

/** The configuration with the trust roots that it names, both followed. */
export interface FollowedConfiguration extends Omit<LiveConfiguration, 'tufRepositories'> {
  /** The file was read anew, and is in force. */
  readonly onReload: Listen<void>;
  /** A trust root that is followed came or changed: what was proven by the former one no longer is. */
  readonly onTrustRoot: Listen<string>;
}

/** Rejects (`ConfigurationError`) where the first configuration is not usable. */
export async function startConfiguration(options: ConfigurationOptions): Promise<FollowedConfiguration> {
  const { path, tufCache, environment, metrics, log } = options;
  const reloaded = createListeners();
  const trustRoot = createListeners<string>();
  // The two need each other: the configuration names repositories, and the roots that come from them belong to it. The
  // follower asks for nothing before it is told what to follow.
  const follower = createTufFollower({
    cache: tufCache,
    proxy: () => live.configuration().proxy,
    onChange: trustRoot.tell,
    onRefresh: (name, succeeded) => metrics.trustRootRefreshed(name, succeeded),
    log,
    clock: Date.now,
    random: Math.random,
  });
  const live: LiveConfiguration = await followConfiguration({
    path,
    environment,
    log,
    followedText: (repository) => follower.text(repository),
    onReload: (succeeded) => {
      metrics.configurationReloaded(succeeded);
      if (!succeeded) return;
      follower.follow(live.tufRepositories());
      reloaded.tell();
    },
  });
  follower.follow(live.tufRepositories());
  return {
    configuration: live.configuration,
    settings: live.settings,
    trustRoots: live.trustRoots,
    credentials: live.credentials,
    clientAuthorities: live.clientAuthorities,
    onReload: reloaded.listen,
    onTrustRoot: trustRoot.listen,
    async stop() {
      await follower.stop();
      await live.stop();
    },
  };
}
