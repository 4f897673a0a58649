// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../image/digest.ts';
import type { ImageReference } from '../image/types.ts';
import { EngineError } from '../errors.ts';
import { factsOf } from '../verdict-codes.ts';
import type { CacheLifetimes } from '../config/types.ts';
import type { Clock, EngineMetrics } from '../observe.ts';
import { createRecentlyUsed } from '../recently-used.ts';
import type { RegistryClient, RequestScope } from '../registry/types.ts';
import { createSingleFlight } from '../single-flight.ts';

/** What a tag stood for, and when that was asked. `stale`: the registry could not be asked again. */
export interface TagResolution {
  readonly digest: Digest;
  readonly stale: boolean;
}

export interface TagResolver {
  /** Fails with ImageNotFound, or as the registry client does. */
  resolve(reference: ImageReference & { readonly tag: string }, scope: RequestScope): Promise<TagResolution>;
}

interface TagDependencies {
  readonly registry: RegistryClient;
  readonly lifetimes: () => CacheLifetimes;
  readonly clock: Clock;
  readonly metrics: EngineMetrics;
}

interface KnownTag {
  readonly digest: Digest;
  readonly at: number;
}

const MAXIMUM_TAGS = 100_000;

/**
 * Tags are resolved apart from evidence, and briefly: a tag moves, a digest's evidence does not.
 * The digest returned is the one that is verified and pinned, whatever the tag says a moment later.
 */
export function createTagResolver({ registry, lifetimes, clock, metrics }: TagDependencies): TagResolver {
  const known = createRecentlyUsed<KnownTag>(MAXIMUM_TAGS);
  const asking = createSingleFlight<Digest>();

  const ask = async (reference: ImageReference & { readonly tag: string }, scope: RequestScope): Promise<Digest> => {
    const digest = await registry.resolveTag(reference, reference.tag, scope);
    if (digest === undefined) {
      throw new EngineError('ImageNotFound', `${reference.registry} has no ${reference.path}:${reference.tag}`);
    }
    return digest;
  };

  /** One question at a time for those with the same credentials; each waits no longer than it may. */
  const askOnce = (
    name: string,
    reference: ImageReference & { readonly tag: string },
    scope: RequestScope,
  ): Promise<Digest> =>
    asking.runWithin(`${scope.keychain.id ?? ''} ${name}`, scope.signal, () => ask(reference, scope));

  return {
    async resolve(reference, scope) {
      const name = `${reference.registry}/${reference.path}:${reference.tag}`;
      const before = known.get(name);
      if (before !== undefined && clock() - before.at < lifetimes().tags * 1000) {
        metrics.cacheLookup({ cache: 'tag', result: 'hit' });
        return { digest: before.digest, stale: false };
      }
      const asked = await settled(askOnce(name, reference, scope));
      if (asked.ok) {
        metrics.cacheLookup({ cache: 'tag', result: 'miss' });
        known.set(name, { digest: asked.value, at: clock() });
        return { digest: asked.value, stale: false };
      }
      if (before !== undefined && isOutage(asked.error) && clock() - before.at < lifetimes().staleIfError * 1000) {
        metrics.cacheLookup({ cache: 'tag', result: 'stale' });
        return { digest: before.digest, stale: true };
      }
      throw asked.error;
    },
  };
}

function isOutage(error: unknown): boolean {
  return error instanceof EngineError && factsOf(error.code).isOutage;
}

type Settled<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function settled<T>(work: Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await work };
  } catch (error) {
    return { ok: false, error };
  }
}
