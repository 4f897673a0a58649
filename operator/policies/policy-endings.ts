// SPDX-License-Identifier: Apache-2.0
import type { StatusCondition } from '../../core/policy/documents/image-policy.gen.ts';
import { endingsOf, hasExpired, type Ending } from '../../core/policy/lifetime.ts';
import { timeText } from '../../core/policy/problems/time.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';

const DAY = 24 * 60 * 60_000;
/** Milliseconds before something ends in which it is told. */
const NOTICE = 14 * DAY;

type Wanted = Pick<StatusCondition, 'type' | 'status' | 'reason' | 'message'>;

/** Conditions on what of a policy ends by itself; none where nothing does. Their texts change only with their status. */
export function endingConditions(compiled: CompiledPolicy, now: number): readonly Wanted[] {
  const endings = endingsOf(compiled);
  if (endings.length === 0) return [];
  const expiring = { type: 'Expiring', ...noticeOf(endings.filter((ending) => isSoon(ending, now))) };
  const { expiresAt } = compiled;
  return expiresAt === undefined ? [expiring] : [expiring, { type: 'Expired', ...endOf(compiled, expiresAt, now) }];
}

/** How many policies end soon, or have a key that does, and how many have ended. */
export function countEndings(
  policies: Iterable<CompiledPolicy>,
  now: number,
): { readonly expiring: number; readonly expired: number } {
  let [expiring, expired] = [0, 0];
  for (const policy of policies) {
    if (endingsOf(policy).some((ending) => isSoon(ending, now))) expiring += 1;
    if (hasExpired(policy, now)) expired += 1;
  }
  return { expiring, expired };
}

/** Whether time alone may change its status. */
export function endsByItself(policy: CompiledPolicy): boolean {
  return endingsOf(policy).length > 0;
}

function isSoon({ at }: Ending, now: number): boolean {
  return now < at && at - now <= NOTICE;
}

function noticeOf(soon: readonly Ending[]): Omit<Wanted, 'type'> {
  if (soon.length === 0)
    return { status: 'False', reason: 'Lasting', message: 'Nothing in the policy ends within two weeks.' };
  const message = `${soon.map(({ what, at }) => `${what} ends at ${timeText(at)}`).join('; ')}.`;
  return { status: 'True', reason: 'EndsSoon', message };
}

function endOf(policy: CompiledPolicy, at: number, now: number): Omit<Wanted, 'type'> {
  return hasExpired(policy, now)
    ? { status: 'True', reason: 'Expired', message: `The policy expired at ${timeText(at)} and covers no image.` }
    : { status: 'False', reason: 'InForce', message: `The policy applies until ${timeText(at)}.` };
}
