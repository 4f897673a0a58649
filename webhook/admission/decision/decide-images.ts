// SPDX-License-Identifier: Apache-2.0
import { setImmediate as turn } from 'node:timers/promises';
import { errorText } from '../../../core/text.ts';
import type { Outcome, FailureCode } from '../../../core/verdict-codes.ts';
import { EngineError } from '../../../core/errors.ts';
import { mapInParallel } from '../../../core/parallel.ts';
import type { NamespaceContext } from '../../../core/policy/types.ts';
import type { Keychain } from '../../../core/registry/types.ts';
import type { Clock } from '../../../core/observe.ts';
import type { TimeSpan } from '../../../core/verdict/review-record.ts';
import type { Decide, Verdict } from '../../../core/verdict/types.ts';
import type { Deadline } from '../../http/deadline.ts';

/** Enough to overlap round trips; few enough that one review cannot fill the pool to a registry. */
const CONCURRENT_DECISIONS = 16;

export interface DecisionContext {
  readonly decide: Decide;
  readonly deadline: Deadline;
  readonly namespace: () => Promise<NamespaceContext>;
  readonly keychain: () => Keychain;
  readonly clock: Clock;
}

/** A verdict, and when it was reached. */
export interface TimedVerdict {
  readonly verdict: Verdict;
  readonly time: TimeSpan;
}

/** One verdict for each distinct image, in order. Never rejects: whatever fails is a verdict that refuses. */
export async function decideImages(
  images: readonly string[],
  context: DecisionContext,
): Promise<readonly TimedVerdict[]> {
  const { decide, deadline, clock } = context;
  const startedAt = clock();
  let namespace: NamespaceContext;
  let keychain: Keychain;
  try {
    namespace = await deadline.race(context.namespace);
    keychain = context.keychain();
  } catch (error) {
    const time = { startedAt, endedAt: clock() };
    return images.map((image) => ({ verdict: failure(image, error), time }));
  }
  const decideImage = async (image: string): Promise<Verdict> => {
    if (image === '') return emptyImage();
    try {
      return await deadline.race(() => decide({ image, namespace, keychain, signal: deadline.signal }));
    } catch (error) {
      return failure(image, error);
    }
  };
  // What is decided without a request waits for nothing, and a Pod may name a thousand images.
  const isLong = images.length > CONCURRENT_DECISIONS;
  return mapInParallel(images, CONCURRENT_DECISIONS, async (image) => {
    const began = clock();
    const verdict = await decideImage(image);
    if (isLong) await turn();
    // A clock that was set back must not end before it began.
    return { verdict, time: { startedAt: began, endedAt: Math.max(began, clock()) } };
  });
}

/** What was said of these images a moment ago; those that are missing have to be decided. */
export function recallImages(
  images: Iterable<string>,
  recall: (image: string) => Verdict | undefined,
  clock: Clock,
): Map<string, TimedVerdict> {
  const now = clock();
  const decisions = new Map<string, TimedVerdict>();
  for (const image of images) {
    const verdict = recall(image);
    if (verdict !== undefined) decisions.set(image, { verdict, time: { startedAt: now, endedAt: now } });
  }
  return decisions;
}

/** A verdict made here, where the engine gave none. Its policy is unknown, so it counts as enforced. */
export function ownVerdict(
  image: string,
  {
    outcome,
    code,
    message,
    remedy,
  }: { outcome: Exclude<Outcome, 'allowed'>; code: FailureCode; message: string; remedy: string },
): Verdict {
  return { image, outcome, mode: 'Enforce', code, policies: [], message, remedy, signers: [], registryRequests: 0 };
}

function failure(image: string, thrown: unknown): Verdict {
  const code = thrown instanceof EngineError ? thrown.code : 'InternalError';
  const message = `${image} could not be checked: ${errorText(thrown)}`;
  return ownVerdict(image, {
    outcome: 'error',
    code,
    message,
    remedy: 'Try again; if it persists, see the logs of Cosignet',
  });
}

function emptyImage(): Verdict {
  const message = 'no image is named, so none can be verified';
  return ownVerdict('', { outcome: 'denied', code: 'InvalidReference', message, remedy: 'Set the image field' });
}
