// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { ProxySettings } from '../../core/registry/transport/proxy.ts';
import type { TufRepository } from '../../core/tuf/repository.ts';
import { TufState } from '../../core/tuf/state.ts';
import { backoffDelay, pause, type BackoffLimits } from '../kubernetes/backoff.ts';

export interface TufFollowerOptions {
  /** Folder in which something is kept for each repository. */
  readonly cache: string;
  readonly proxy: () => ProxySettings | undefined;
  /** There is a trust root, or another one than before. */
  readonly onChange: (name: string) => void;
  readonly onRefresh: (name: string, succeeded: boolean) => void;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly backoff?: BackoffLimits;
}

export interface TufFollower {
  /** Begins with those that are new, and ends with those that are gone. */
  follow(repositories: readonly TufRepository[]): void;
  /**
   * The trusted_root.json that was verified last, in this process or one before it. Rejects while there is none. It
   * waits for the look into the folder at start, and never for the repository.
   */
  text(repository: TufRepository): Promise<string>;
  stop(): Promise<void>;
}

const BACKOFF: BackoffLimits = { first: 5_000, most: 600_000 };

/**
 * Follows trust roots in their TUF repositories, apart from all decisions. What fails or does not verify changes
 * nothing: the last good root stays in force, however long ago it was confirmed, as with other clients that run on. An
 * outage of the repository must not become one of the cluster.
 */
export function createTufFollower(options: TufFollowerOptions): TufFollower {
  const following = new Map<string, Following>();
  const ending = new Set<Promise<void>>();

  function end(id: string, one: Following): void {
    following.delete(id);
    const ended = one.stop();
    ending.add(ended);
    void ended.then(() => ending.delete(ended));
  }

  return {
    follow(repositories) {
      const wanted = new Map(repositories.map((repository) => [keyOf(repository), repository]));
      for (const [id, one] of following) if (!wanted.has(id)) end(id, one);
      for (const [id, repository] of wanted) {
        if (!following.has(id)) following.set(id, new Following(repository, options, Promise.all(ending)));
      }
    },
    async text(repository) {
      const one = following.get(keyOf(repository));
      if (one === undefined) throw new Error('its TUF repository is not followed yet');
      return one.text();
    },
    async stop() {
      for (const [id, one] of following) end(id, one);
      await Promise.all(ending);
    },
  };
}

/** Another name or pace begins anew, with what is kept. */
function keyOf({ name, id, refreshSeconds }: TufRepository): string {
  return `${id} ${refreshSeconds} ${name}`;
}

class Following {
  readonly #repository: TufRepository;
  readonly #options: TufFollowerOptions;
  readonly #stopping = new AbortController();
  /** Resolves when it is known what was kept; never rejects. */
  readonly #looked: Promise<void>;
  readonly #running: Promise<void>;
  #text: string | undefined;
  #failure = 'it was not asked yet';

  /** `after`: those that ended, which may be at work in the same folder. */
  constructor(repository: TufRepository, options: TufFollowerOptions, after: Promise<unknown>) {
    this.#repository = repository;
    this.#options = options;
    this.#looked = this.#lookAtKept();
    this.#running = this.#run(after);
  }

  async text(): Promise<string> {
    await this.#looked;
    if (this.#text !== undefined) return this.#text;
    throw new Error(`nothing was read yet from its TUF repository ${this.#repository.url}: ${this.#failure}`);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #lookAtKept(): Promise<void> {
    const { cache, log, clock } = this.#options;
    const { name, id } = this.#repository;
    try {
      const kept = await new TufState(cache, id).kept();
      if (kept === undefined) return;
      const { parseTrustRoot } = await import('../../core/sigstore/trust/trust-root.ts');
      parseTrustRoot(kept.text);
      this.#text = kept.text;
      const seconds = Math.round((clock() - kept.confirmedAt) / 1000);
      log.info('a trust root is used as it was kept', { trustRoot: name, confirmedSecondsAgo: seconds });
    } catch (thrown) {
      log.error('a trust root that was kept is not usable', { trustRoot: name, error: errorText(thrown) });
    }
  }

  async #run(after: Promise<unknown>): Promise<void> {
    const { random, backoff = BACKOFF } = this.#options;
    const { signal } = this.#stopping;
    await Promise.all([this.#looked, after]);
    for (let failures = 0; !signal.aborted;) {
      const succeeded = await this.#refresh();
      failures = succeeded ? 0 : failures + 1;
      // Replicas that began together don't stay together.
      const regular = this.#repository.refreshSeconds * 1000 * (0.9 + random() / 10);
      await pause(succeeded ? regular : Math.min(regular, backoffDelay(failures - 1, backoff, random)), signal);
    }
  }

  /** Whether it succeeded; never rejects. */
  async #refresh(): Promise<boolean> {
    const { cache, proxy, onRefresh } = this.#options;
    const { signal } = this.#stopping;
    try {
      // Loaded only where there is a repository to follow.
      const { refreshTrustRoot } = await import('../../core/tuf/refresh.ts');
      const text = await refreshTrustRoot(this.#repository, { cache, proxy: proxy(), signal });
      if (signal.aborted) return true;
      this.#succeed(text);
      onRefresh(this.#repository.name, true);
      return true;
    } catch (thrown) {
      if (signal.aborted) return false;
      this.#fail(errorText(thrown));
      onRefresh(this.#repository.name, false);
      return false;
    }
  }

  #succeed(text: string): void {
    const { log, onChange } = this.#options;
    const { name: trustRoot, url } = this.#repository;
    this.#failure = '';
    if (text === this.#text) return;
    const isNew = this.#text === undefined;
    this.#text = text;
    log.info(isNew ? 'a trust root was read' : 'a trust root changed', { trustRoot, url });
    onChange(trustRoot);
  }

  /** Told once for each reason. */
  #fail(reason: string): void {
    const { log } = this.#options;
    const { name: trustRoot, url } = this.#repository;
    if (reason === this.#failure) return;
    this.#failure = reason;
    const message =
      this.#text === undefined
        ? 'a trust root could not be read; what needs it can not be checked'
        : 'a trust root could not be refreshed; the last good one stays in force';
    log.error(message, { trustRoot, url, error: reason });
  }
}
