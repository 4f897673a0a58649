// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/observe.ts';
import type { KeyStatus } from '../../core/policy/documents/image-policy.gen.ts';
import { timeText } from '../../core/policy/problems/time.ts';

/** Milliseconds: how often it is written that a key is in use. */
const WRITTEN_EVERY = 60 * 60_000;

export interface KeySightings {
  /** Signatures by these signers of a policy counted. */
  readonly saw: (policy: string, signers: readonly string[]) => void;
  /** Milliseconds since the epoch; undefined: not by this replica. */
  readonly lastSeen: (policy: string, signer: string) => number | undefined;
  readonly forget: (policy: string) => void;
}

export interface KeySightingsOptions {
  readonly clock: Clock;
  /** Whether there is such a policy: others are not remembered. */
  readonly isKnown: (policy: string) => boolean;
  /** A signer of the policy was seen for the first time in an hour. */
  readonly onNews: (policy: string) => void;
}

/** When signers last counted, as far as this replica knows. */
export function createKeySightings({ clock, isKnown, onNews }: KeySightingsOptions): KeySightings {
  const seen = new Map<string, Map<string, { at: number; told: number }>>();
  return {
    saw(policy, signers) {
      if (!isKnown(policy)) return;
      const now = clock();
      const known = seen.get(policy) ?? new Map<string, { at: number; told: number }>();
      seen.set(policy, known);
      let isNews = false;
      for (const signer of signers) {
        const told = known.get(signer)?.told ?? -Infinity;
        const isDue = now - told >= WRITTEN_EVERY;
        isNews ||= isDue;
        known.set(signer, { at: now, told: isDue ? now : told });
      }
      if (isNews) onNews(policy);
    },
    lastSeen: (policy, signer) => seen.get(policy)?.get(signer)?.at,
    forget: (policy) => void seen.delete(policy),
  };
}

/** The keys with when each was last seen: what is written stays until it is an hour older than what is known. */
export function withLastSeen(
  keys: readonly KeyStatus[],
  before: readonly KeyStatus[],
  lastSeen: (signer: string) => number | undefined,
): readonly KeyStatus[] {
  return keys.map((key) => {
    const written = before.find(({ name, fingerprint }) => name === key.name && fingerprint === key.fingerprint);
    const text = later(written?.lastSeen, lastSeen(key.name));
    return text === undefined ? key : { ...key, lastSeen: text };
  });
}

function later(written: string | undefined, seen: number | undefined): string | undefined {
  if (seen === undefined) return written;
  const isDue = written === undefined || !(seen - Date.parse(written) < WRITTEN_EVERY);
  return isDue ? timeText(seen) : written;
}
