// SPDX-License-Identifier: Apache-2.0
import { EngineError, errorText } from '../core/errors.ts';
import type { FailureCode } from '../core/errors.ts';
import type { NamespaceContext } from '../core/policy/types.ts';
import type { Keychain } from '../core/registry/types.ts';
import type { Decide, Outcome, Verdict } from '../core/verdict/types.ts';
import type { Deadline } from './deadline.ts';

/** Enough to overlap round trips; few enough that one review cannot fill the pool to a registry. */
const CONCURRENT_DECISIONS = 16;

export interface JudgeContext {
  readonly decide: Decide;
  readonly deadline: Deadline;
  readonly namespace: () => Promise<NamespaceContext>;
  readonly keychain: () => Keychain;
}

/** One verdict for each distinct image, in order. Never rejects: whatever fails is a verdict that refuses. */
export async function judgeImages(images: readonly string[], context: JudgeContext): Promise<readonly Verdict[]> {
  const { decide, deadline } = context;
  let namespace: NamespaceContext;
  let keychain: Keychain;
  try {
    namespace = await deadline.race(context.namespace);
    keychain = context.keychain();
  } catch (error) {
    return images.map((image) => failure(image, error));
  }
  const judge = async (image: string): Promise<Verdict> => {
    if (image === '') return emptyImage();
    try {
      return await deadline.race(() => decide({ image, namespace, keychain, signal: deadline.signal }));
    } catch (error) {
      return failure(image, error);
    }
  };
  return mapConcurrently(images, judge);
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
  const message = `${image} could not be judged: ${errorText(thrown)}`;
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

async function mapConcurrently(
  images: readonly string[],
  judge: (image: string) => Promise<Verdict>,
): Promise<readonly Verdict[]> {
  if (images.length <= CONCURRENT_DECISIONS) return Promise.all(images.map(judge));
  const verdicts: Verdict[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < images.length; index = next++) verdicts[index] = await judge(images[index] ?? '');
  };
  await Promise.all(Array.from({ length: CONCURRENT_DECISIONS }, worker));
  return verdicts;
}
