// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import { EngineError } from '../../errors.ts';
import type { Clock, Logger } from '../../observe.ts';
import type { Endpoint } from '../transport/endpoints.ts';
import { RegistryOutage } from '../transport/failures.ts';
import type { RequestScope } from '../types.ts';

/** A mirror that failed is left alone this long, so that a dead one does not eat every deadline. */
const REST_MILLISECONDS = 30_000;

export interface Sources {
  /** Asked in order. */
  readonly mirrors: readonly Endpoint[];
  readonly registry: Endpoint;
}

/** Asks the mirrors, then the registry; the first that has it answers. */
export type AskSources = <T>(
  sources: Sources,
  ask: (endpoint: Endpoint) => Promise<T | undefined>,
  scope: RequestScope,
) => Promise<T | undefined>;

/** A mirror only ever adds a way to an answer: what it lacks, or fails at, the registry itself decides. */
export function createMirrorReader(options: { readonly clock: Clock; readonly log: Logger }): AskSources {
  const restingUntil = new Map<string, number>();
  return async (sources, ask, scope) => {
    for (const mirror of sources.mirrors) {
      if (options.clock() < (restingUntil.get(mirror.registry) ?? 0)) continue;
      try {
        const answer = await ask(mirror);
        if (answer !== undefined) return answer;
      } catch (error) {
        if (scope.signal.aborted || scope.budget.isSpent) throw error;
        if (isOutage(error)) restingUntil.set(mirror.registry, options.clock() + REST_MILLISECONDS);
        options.log.warn('registry mirror failed', { mirror: mirror.registry, error: errorText(error) });
      }
    }
    return await ask(sources.registry);
  };
}

/**
 * Only what says something of the mirror itself. Refused access, an answer that is too large or not what was asked
 * for concern one repository, which may be anybody's: the mirror may well serve the next.
 */
function isOutage(error: unknown): boolean {
  return error instanceof RegistryOutage || (error instanceof EngineError && error.code === 'RegistryRateLimited');
}
