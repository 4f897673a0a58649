// SPDX-License-Identifier: Apache-2.0

/** Work of several owners, one at a time. */
export interface FairQueue<Job> {
  /** False: this owner has too much waiting. */
  readonly add: (owner: string, job: Job) => boolean;
  /** Of the owner that was given the least lately, among those that may be taken; undefined: none of them waits. */
  readonly take: (may?: (job: Job) => boolean) => { readonly owner: string; readonly job: Job } | undefined;
  /** Whether any such job waits. */
  readonly has: (may: (job: Job, owner: string) => boolean) => boolean;
  /** What this owner was given lately, in milliseconds, of which the past counts less. */
  readonly given: (owner: string) => number;
  /** What a job of this owner took, in milliseconds. */
  readonly charge: (owner: string, milliseconds: number) => void;
}

/** Of one owner. */
const WAITING_MOST = 256;
/** Milliseconds in which what an owner was given counts half. */
const HALF_LIFE = 2000;
/** Owners whose past is looked at; what is older is forgotten. */
const OWNERS_MOST = 4096;

/**
 * Who asks for much waits for itself: whose work took the least lately comes first, within an owner the first come.
 * The past fades, so that nobody pays for it for long. The order changes no answer.
 *
 * @param now milliseconds that only grow.
 */
export function createFairQueue<Job>(now: () => number): FairQueue<Job> {
  const waiting = new Map<string, Job[]>();
  const charged = new Map<string, { readonly amount: number; readonly at: number }>();

  function given(owner: string): number {
    const past = charged.get(owner);
    return past === undefined ? 0 : past.amount * 2 ** ((past.at - now()) / HALF_LIFE);
  }

  return {
    add(owner, job) {
      const jobs = waiting.get(owner) ?? [];
      if (jobs.length >= WAITING_MOST) return false;
      jobs.push(job);
      waiting.set(owner, jobs);
      return true;
    },
    take(may = () => true) {
      let least: { readonly owner: string; readonly jobs: Job[] } | undefined;
      for (const [owner, jobs] of waiting) {
        if ((least === undefined || given(owner) < given(least.owner)) && jobs.some(may)) least = { owner, jobs };
      }
      if (least === undefined) return undefined;
      const { owner, jobs } = least;
      const [job] = jobs.splice(jobs.findIndex(may), 1);
      if (jobs.length === 0) waiting.delete(owner);
      return job === undefined ? undefined : { owner, job };
    },
    has(may) {
      return [...waiting].some(([owner, jobs]) => jobs.some((job) => may(job, owner)));
    },
    given,
    charge(owner, milliseconds) {
      const amount = given(owner) + milliseconds;
      charged.delete(owner);
      charged.set(owner, { amount, at: now() });
      const [oldest] = charged.keys();
      if (charged.size > OWNERS_MOST && oldest !== undefined) charged.delete(oldest);
    },
  };
}
