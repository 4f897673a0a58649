// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';
import { remembering, type PreparedDemand, type PreparedFault } from '../../core/policy/evaluator/prepared.ts';
import type { DemandTexts } from '../../core/policy/expressions/types.ts';
import { backoffDelay, pause } from '../kubernetes/backoff.ts';

export interface FollowedDemandsOptions {
  readonly evaluator: Evaluator;
  /** More is known of the policy of this name: it has to be compiled again. */
  readonly onChange: (policyName: string) => void;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
}

/** What policies ask of attestations, compiled apart from decisions. */
export interface FollowedDemands {
  /** For one compilation of this policy: what is new in it is compiled, and `onChange` follows. */
  readonly prepareFor: (policy: FollowedPolicy) => (texts: DemandTexts) => PreparedDemand;
  readonly forget: (policyName: string) => void;
  /** Whether all that was asked for was compiled or tried, or took too long: true for ever after it was true once. */
  readonly isSettled: () => boolean;
  stop(): void;
}

interface FollowedPolicy {
  readonly name: string;
  /** Its namespace; empty: the cluster. */
  readonly owner: string;
}

interface Known {
  faults: readonly PreparedFault[];
  readonly check: PreparedDemand['check'];
}

const COMPILING: PreparedFault = { field: 'conditions', reason: 'Compiling', message: 'is being compiled' };
/** Milliseconds for which a start waits: no policy keeps a replica from answering for the others. */
const SETTLING_MOST = 15_000;
/** Milliseconds. */
const RETRY = { first: 2000, most: 60_000 };

/**
 * Each text of a policy is compiled once. What could not be compiled because the thread was ended is tried again, later
 * each time: it says nothing of the text.
 */
export function followDemands({ evaluator, onChange, monotonic }: FollowedDemandsOptions): FollowedDemands {
  const known = new Map<string, Map<string, Known>>();
  const ending = new AbortController();
  let untried = 0;
  let isSettled = false;
  let since: number | undefined;

  function begin(policy: FollowedPolicy, texts: DemandTexts, isWanted: () => boolean): Known {
    const entry: Known = {
      faults: [COMPILING],
      check: remembering(texts, (...question) => evaluator.check(texts, ...question)),
    };
    const become = (faults: readonly PreparedFault[]) => {
      entry.faults = faults;
      if (isWanted()) onChange(policy.name);
    };
    void compile(policy, texts, { become, isWanted });
    return entry;
  }

  async function compile({ owner }: FollowedPolicy, texts: DemandTexts, { become, isWanted }: Outcome): Promise<void> {
    untried += 1;
    for (let attempt = 0; attempt === 0 || (isWanted() && !ending.signal.aborted); attempt += 1) {
      const faults: readonly PreparedFault[] = await evaluator.compile(texts, owner).catch(failed);
      if (attempt === 0) untried -= 1;
      become(faults);
      if (!faults.some(({ reason }) => reason === 'CompileTimeout')) return;
      await pause(backoffDelay(attempt, RETRY, Math.random), ending.signal);
    }
  }

  return {
    prepareFor(policy) {
      const before = known.get(policy.name);
      const now = new Map<string, Known>();
      known.set(policy.name, now);
      return (texts) => {
        const key = JSON.stringify(texts);
        const isWanted = () => known.get(policy.name)?.get(key) === entry;
        const entry: Known = now.get(key) ?? before?.get(key) ?? begin(policy, texts, isWanted);
        now.set(key, entry);
        return entry;
      };
    },
    forget: (name) => void known.delete(name),
    isSettled() {
      since ??= monotonic();
      isSettled ||= untried === 0 || monotonic() - since > SETTLING_MOST;
      return isSettled;
    },
    stop: () => ending.abort(),
  };
}

interface Outcome {
  readonly become: (faults: readonly PreparedFault[]) => void;
  /** The policy still says so. */
  readonly isWanted: () => boolean;
}

function failed(thrown: unknown): readonly PreparedFault[] {
  const message = `could not be compiled, and is tried again: ${errorText(thrown)}`;
  return [{ field: 'conditions', reason: 'CompileTimeout', message }];
}
