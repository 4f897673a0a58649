// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/observe.ts';
import { oneLine } from '../../core/text.ts';
import { denialText } from '../../core/verdict/denial.ts';
import type { Denial } from '../../core/verdict/review-record.ts';
import type { Verdict } from '../../core/verdict/types.ts';
import type { VerdictCode } from '../../core/verdict-codes.ts';

/** One image that was refused, for people; alike ones are one. */
export interface RecentDenial {
  /** Milliseconds since the epoch, of the last. */
  readonly at: number;
  readonly count: number;
  readonly namespace: string;
  /** `Pod web-0`; of a Pod without a name its owner's: `Pod of ReplicaSet web-5f`. */
  readonly object: string;
  readonly code: VerdictCode;
  readonly image: string;
  /** As the Event says it. */
  readonly text: string;
}

export interface RecentDenials {
  /** Never throws, never waits. */
  readonly record: (denial: Denial) => void;
  /** The newest first. */
  readonly list: () => readonly RecentDenial[];
}

export interface DenialBounds {
  readonly all: number;
  /** One namespace that is refused over and over must not push the others' out. */
  readonly ofNamespace: number;
}

const BOUNDS: DenialBounds = { all: 100, ofNamespace: 20 };
/** A review's are few, whatever it holds. */
const VERDICTS_MOST = 4;
/** As of an Event. */
const TEXT_MOST = 1024;
const NAME_MOST = 300;

/** In memory, of this replica alone. */
export function createRecentDenials(clock: Clock, bounds = BOUNDS): RecentDenials {
  /** In the order of their last time. */
  const kept = new Map<string, RecentDenial>();

  function record(denial: Denial): void {
    for (const verdict of denial.verdicts.slice(0, VERDICTS_MOST)) {
      const entry = entryOf(denial, verdict);
      const key = JSON.stringify([entry.namespace, entry.object, entry.code, entry.image]);
      const count = (kept.get(key)?.count ?? 0) + 1;
      kept.delete(key);
      makeRoom(entry.namespace);
      kept.set(key, { ...entry, at: clock(), count });
    }
  }

  function makeRoom(namespace: string): void {
    const own = [...kept].filter(([, one]) => one.namespace === namespace);
    if (own.length >= bounds.ofNamespace) kept.delete(own[0]?.[0] ?? '');
    else if (kept.size >= bounds.all) kept.delete(kept.keys().next().value ?? '');
  }

  return { record, list: () => [...kept.values()].toReversed() };
}

function entryOf(denial: Denial, verdict: Verdict): Omit<RecentDenial, 'at' | 'count'> {
  return {
    namespace: oneLine(denial.namespace, NAME_MOST),
    object: oneLine(objectOf(denial), NAME_MOST),
    code: verdict.code,
    image: oneLine(verdict.image, NAME_MOST),
    text: oneLine(denialText(verdict, denial), TEXT_MOST),
  };
}

function objectOf({ kind, name, subject }: Denial): string {
  if (name !== '') return `${kind} ${name}`;
  return subject === undefined ? kind : `${kind} of ${subject.kind} ${subject.name}`;
}
