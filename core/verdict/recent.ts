// SPDX-License-Identifier: Apache-2.0
import type { Configuration } from '../config/types.ts';
import type { Clock, EngineMetrics } from '../observe.ts';
import { nextChange } from '../policy/lifetime.ts';
import type { PolicySnapshot } from '../policy/store/store.ts';
import { usesNow, type NamespaceContext } from '../policy/types.ts';
import type { PolicySource } from './decide-image.ts';
import type { Decide, Verdict } from './types.ts';

export interface RecentVerdicts {
  /** Decides, and keeps what may be said again. */
  readonly decide: Decide;
  /**
   * What was said of this image in this namespace within the last second; undefined: decide. Neither waits nor fails, and says
   * nothing while the policies are outdated.
   * `namespace.labels` is compared by identity.
   */
  readonly recall: (image: string, namespace: NamespaceContext) => Verdict | undefined;
}

export interface RecentVerdictsOptions {
  readonly decide: Decide;
  readonly policies: PolicySource;
  readonly configuration: () => Pick<Configuration, 'cache'>;
  readonly clock: Clock;
  readonly metrics: EngineMetrics;
}

/** Milliseconds. By so much may tags and evidence outlive their time. */
const LIFE = 1000;
const MOST = 10_000;

interface Kept {
  readonly labels: NamespaceContext['labels'];
  readonly verdict: Verdict;
}

/** The verdicts of one second under the same policies and configuration: what changes, by itself or not, ends them all. */
interface Generation {
  readonly snapshot: PolicySnapshot;
  readonly configuration: Pick<Configuration, 'cache'>;
  readonly since: number;
  /** When a policy changes by itself: an exception or a key's window ends, or begins. */
  readonly until: number;
  readonly kept: Map<string, Kept>;
}

/**
 * A rollout asks about one image a thousand times a second, and nothing that the answer rests on changes in between.
 * Only what allows is kept, and only if it rests on what was known already: a refusal is always made anew.
 */
export function createRecentVerdicts(options: RecentVerdictsOptions): RecentVerdicts {
  const { policies, clock, metrics } = options;
  let generation: Generation | undefined;

  function current(): Generation {
    const now = clock();
    const snapshot = policies.snapshot();
    const configuration = options.configuration();
    if (generation === undefined || !isCurrent(generation, { snapshot, configuration, now })) {
      generation = {
        snapshot,
        configuration,
        since: now,
        until: nextChange(snapshot.policies.values(), now),
        kept: new Map(),
      };
    }
    return generation;
  }

  return {
    async decide(request) {
      // Of the time at which it began: what changes meanwhile ends this one too.
      const { kept, snapshot } = current();
      const verdict = await options.decide(request);
      metrics.cacheLookup({ cache: 'verdict', result: 'miss' });
      const { image, namespace } = request;
      if (isRepeatable(verdict, snapshot) && kept.size < MOST) {
        kept.set(keyOf(image, namespace), { labels: namespace.labels, verdict });
      }
      return verdict;
    },
    recall(image, namespace) {
      if (policies.outdated?.() !== undefined) return undefined;
      const found = current().kept.get(keyOf(image, namespace));
      if (found === undefined || found.labels !== namespace.labels) return undefined;
      const { code, outcome, mode } = found.verdict;
      metrics.cacheLookup({ cache: 'verdict', result: 'hit' });
      metrics.decided({ code, outcome, mode }, 0);
      return found.verdict;
    },
  };
}

function isCurrent(
  { snapshot, configuration, since, until }: Generation,
  present: Pick<Generation, 'snapshot' | 'configuration'> & { readonly now: number },
): boolean {
  if (snapshot !== present.snapshot || configuration !== present.configuration) return false;
  const { tags, verified } = configuration.cache;
  // Where `cache` has 0, tags or evidence are asked for each time.
  const life = Math.min(LIFE, tags * 1000, verified * 1000);
  return present.now >= since && present.now < Math.min(since + life, until);
}

/** Fresh, without a request of its own and without a look at the clock: then another decision now would be the same. */
function isRepeatable({ outcome, remedy, registryRequests, policies }: Verdict, snapshot: PolicySnapshot): boolean {
  if (outcome !== 'allowed' || remedy !== '' || registryRequests > 0) return false;
  return policies.every((name) => {
    const policy = snapshot.policies.get(name);
    return policy === undefined || !usesNow(policy);
  });
}

/** An image that was allowed has no blank, so no two pairs share a key. */
function keyOf(image: string, { name = '' }: NamespaceContext): string {
  return `${image} ${name}`;
}
