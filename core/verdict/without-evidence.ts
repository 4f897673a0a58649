// SPDX-License-Identifier: Apache-2.0
// What can be said of an image before a registry is asked: by policies that deny, only allow or are not Ready, and by the
// configuration where no policy of the cluster applies.
import type { Configuration } from '../config/types.ts';
import { factsOf } from '../verdict-codes.ts';
import type { VerdictCode } from '../verdict-codes.ts';
import type { CompiledPolicy, Mode } from '../policy/types.ts';
import { demandOf } from './denial.ts';
import { describeException, describeExpiry } from './message.ts';
import { strictest, strictestMode } from './outcome.ts';
import type { Grounds, Verdict } from './types.ts';

export type VerdictDraft = Pick<
  Verdict,
  'outcome' | 'mode' | 'code' | 'message' | 'signers' | 'refusedBy' | 'grounds'
> & {
  readonly remedyPolicy?: string;
  /** What a person can do about it, where the failure knows; else its code's remedy is told. */
  readonly remedy?: string;
};

/** An image and the policies that match it. */
interface Claimed {
  readonly image: string;
  readonly policies: readonly CompiledPolicy[];
  /** Whether a policy of the cluster claims it by what is written. */
  readonly isCovered: boolean;
}

/** What can be said before a registry is asked. */
export interface WithoutEvidence {
  /** Undefined: the evidence decides too. */
  readonly early?: VerdictDraft;
  /** Refusals that stand whatever the evidence says. */
  readonly standing: readonly VerdictDraft[];
  /** The matching policies that decided this; none where the configuration alone did. */
  readonly policies: readonly CompiledPolicy[];
}

/** A policy that is not Ready, denies or only allows, and an image that no policy of the cluster covers. */
export function decideWithoutEvidence(
  claimed: Claimed,
  unmatchedImages: Configuration['unmatchedImages'],
): WithoutEvidence {
  const { policies } = claimed;
  const unmatched = claimed.isCovered ? undefined : verdictOnUnmatched(claimed, unmatchedImages);
  // Policies of a namespace only add: they can't admit what the configuration denies.
  if (unmatched !== undefined && !policies.some(isOfCluster) && (policies.length === 0 || unmatchedImages === 'Deny')) {
    return { early: unmatched, standing: [], policies: [] };
  }
  const standing = standingRefusals(claimed, unmatched);
  // A failing Audit policy must not hide what an enforcing one would say: read the evidence then.
  if (policies.some(isVerifying) && !standing.some(({ mode }) => mode === 'Enforce')) {
    return { standing, policies };
  }
  return { early: worstOf(standing) ?? unmatched ?? allowedWithoutEvidence(claimed), standing, policies };
}

function standingRefusals(claimed: Claimed, unmatched: VerdictDraft | undefined): readonly VerdictDraft[] {
  const refusals = claimed.policies.flatMap((policy) => refusalOf(policy, claimed));
  return unmatched?.outcome === 'denied' ? [...refusals, unmatched] : refusals;
}

function allowedWithoutEvidence({ image, policies }: Claimed): VerdictDraft {
  return {
    outcome: 'allowed',
    mode: strictestMode(policies),
    code: 'AllowedByPolicy',
    message: `image ${image} is allowed by ${policies.map((policy) => `policy "${policy.name}"${describeException(policy)}`).join(' and ')}`,
    signers: [],
  };
}

/** The refusal that weighs most, and the names of all policies that refuse. */
export function worstOf(refusals: readonly VerdictDraft[]): VerdictDraft | undefined {
  const worst = strictest(refusals);
  const names = refusals.flatMap(({ remedyPolicy }) => remedyPolicy ?? []);
  return worst && { ...worst, refusedBy: names };
}

export function isAllowing({ action, problems }: CompiledPolicy): boolean {
  return action === 'Allow' && problems.length === 0;
}

export function isVerifying({ action, problems }: CompiledPolicy): boolean {
  return action === 'Verify' && problems.length === 0;
}

function refusalOf(policy: CompiledPolicy, claimed: Claimed): VerdictDraft[] {
  const [problem] = policy.problems;
  if (problem !== undefined) {
    const reason = `${problem.path}: ${problem.message}`;
    const message = `image ${claimed.image} belongs to policy "${policy.name}", which is not Ready: ${reason}`;
    // Nothing is wrong with the policy: what it needs could not be read.
    const isWaiting = policy.problems.every((one) => one.reason === 'KeyUnavailable');
    return [refusal(policy, isWaiting ? 'KeyUnavailable' : 'PolicyNotReady', { message, reason })];
  }
  return policy.action === 'Deny'
    ? [
        refusal(policy, 'DeniedByPolicy', {
          message: `image ${claimed.image} is denied by policy "${policy.name}"`,
          reason: 'it is denied',
        }),
      ]
    : [];
}

export function refusal(
  policy: CompiledPolicy,
  code: VerdictCode,
  { message, ...found }: { readonly message: string } & Pick<Grounds, 'reason' | 'unaccepted' | 'platforms'>,
): VerdictDraft {
  const grounds = { policy: policy.name, demand: demandOf(policy), ...found };
  const { outcome } = factsOf(code);
  return { outcome, mode: policy.mode, code, message, signers: [], remedyPolicy: policy.name, grounds };
}

function verdictOnUnmatched(claimed: Claimed, unmatched: Configuration['unmatchedImages']): VerdictDraft {
  const allowed = unmatched === 'Allow';
  const { policies } = claimed;
  const adding = policies.length === 0 ? '' : `; ${quoteNames(policies)} can only add to one`;
  return {
    outcome: allowed ? 'allowed' : 'denied',
    mode: unmatched === 'Warn' ? 'Warn' : 'Enforce',
    code: 'NoPolicy',
    message: `no ImagePolicy covers image ${claimed.image}${adding}`,
    signers: [],
    ...(allowed ? {} : { grounds: { reason: 'no policy covers it' } }),
    // The configuration decides here, not the matching policies.
    ...(policies.length === 0 ? {} : { refusedBy: [] }),
  };
}

/** A refusal, with word of the exceptions without which it would not be. */
export function tellingOfLapsed(draft: VerdictDraft, lapsed: readonly CompiledPolicy[]): VerdictDraft {
  const [first] = lapsed;
  if (first === undefined) return draft;
  const names = lapsed.map((policy) => `"${policy.name}", which allowed it, ${describeExpiry(policy)}`);
  const reason = names.map((name) => `policy ${name}`).join('; ');
  const told = { ...draft, message: `${draft.message}; ${reason}` };
  if (draft.code !== 'NoPolicy') {
    const notice = names.map((name) => `Policy ${name}.`).join(' ');
    return draft.grounds === undefined ? told : { ...told, grounds: { ...draft.grounds, notice } };
  }
  const code = 'PolicyExpired';
  const grounds = { policy: first.name, reason };
  return { ...told, code, outcome: factsOf(code).outcome, remedyPolicy: first.name, grounds };
}

/** What a failure means for an image that no policy covers: what may be admitted unseen is not refused for it. */
export function unmatchedMode(unmatched: Configuration['unmatchedImages']): Mode {
  const modes = { Deny: 'Enforce', Warn: 'Warn', Allow: 'Audit' } as const;
  return modes[unmatched];
}

export function isOfCluster({ namespace }: CompiledPolicy): boolean {
  return namespace === undefined;
}

export function quoteNames(policies: readonly CompiledPolicy[]): string {
  return policies.map(({ name }) => `policy "${name}"`).join(' and ');
}
