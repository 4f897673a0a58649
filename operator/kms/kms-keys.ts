// SPDX-License-Identifier: Apache-2.0
import type { KmsReference } from '../../core/kms/reference.ts';
import type { KmsEntry, KmsLookup } from '../../core/kms/types.ts';
import { createTurns } from '../../core/parallel.ts';
import { FollowedKey, type FollowedKeyOptions } from './followed-key.ts';

export interface KmsKeysOptions extends Omit<FollowedKeyOptions, 'inTurn'> {
  /** All that policies name now. */
  readonly named: () => Iterable<KmsReference>;
  /** Milliseconds, for tests. */
  readonly lookEvery?: number;
}

/** Public keys that a KMS holds, read apart from all decisions. */
export interface KmsKeys {
  /** As it was last read. What is asked for the first time is read at once, and `onChange` follows. */
  readonly lookup: KmsLookup;
  /** Whether its first reading is not over: what is said of its policies now is no news. `onChange` follows. */
  readonly isPending: (reference: KmsReference) => boolean;
  /** Whether all that was asked for was tried: true for ever after it was true once. */
  readonly isSettled: () => boolean;
  /** The configuration changed: what failed may succeed, and how long keys count may be another time. */
  readonly reconfigured: () => void;
  stop(): Promise<void>;
}

/** `createKmsKeys` with all but what policies are. */
export type FollowKms = (policies: Pick<KmsKeysOptions, 'named' | 'onChange'>) => KmsKeys;

/** Policies of the cluster name a few; each costs a request in the hour. */
const MOST_KEYS = 256;
const AT_ONCE = 4;
const LOOK_EVERY = 30_000;
/** Milliseconds. A KMS that does not answer must not keep a replica from all other images. */
const SETTLED_WITHIN = 20_000;

/**
 * Each is read again on an interval. What fails changes nothing for as long as a key counts after it was last read: an
 * outage of the KMS must not become one of the cluster at once, and a key that was revoked must not count for ever.
 */
export function createKmsKeys(options: KmsKeysOptions): KmsKeys {
  const { lookEvery = LOOK_EVERY } = options;
  const following = new Map<string, FollowedKey>();
  const ending = new Set<Promise<void>>();
  const inTurn = createTurns(AT_ONCE);
  const settledBy = options.monotonic() + SETTLED_WITHIN;
  let isSettled = false;
  let hasStopped = false;

  function end(text: string, key: FollowedKey): void {
    following.delete(text);
    const ended = key.stop();
    ending.add(ended);
    void ended.then(() => ending.delete(ended));
  }

  function forgetUnnamed(): void {
    const named = new Set([...options.named()].map(({ text }) => text));
    for (const [text, key] of following) if (!named.has(text)) end(text, key);
  }
  const looking = setInterval(forgetUnnamed, lookEvery).unref();

  function lookup(reference: KmsReference): KmsEntry {
    const known = following.get(reference.text);
    if (known !== undefined) return known.entry();
    if (hasStopped) return { unavailable: 'Cosignet is shutting down' };
    // Those that nobody names any more have to be gone before anybody is refused for them.
    if (following.size >= MOST_KEYS) forgetUnnamed();
    if (following.size >= MOST_KEYS) return { unavailable: `policies name more than ${MOST_KEYS} keys of a KMS` };
    const key = new FollowedKey(reference, { ...options, inTurn });
    following.set(reference.text, key);
    return key.entry();
  }

  return {
    lookup,
    isPending: ({ text }) => following.get(text)?.isPending() === true,
    isSettled() {
      isSettled ||= options.monotonic() > settledBy || ![...following.values()].some((key) => key.isPending());
      return isSettled;
    },
    reconfigured() {
      for (const key of following.values()) key.reconfigured();
    },
    async stop() {
      hasStopped = true;
      clearInterval(looking);
      for (const [text, key] of following) end(text, key);
      await Promise.all(ending);
    },
  };
}
