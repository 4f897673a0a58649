// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/observe.ts';
import { policyName } from '../../core/policy/documents/kinds.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { HostOverview } from '../dashboard/overview.ts';
import { countEndings } from '../policies/policy-endings.ts';
import type { Effects } from '../scan/effects.ts';
import type { MetricReadings } from '../telemetry/metrics.ts';
import type { Leadership } from './connection.ts';
import type { Followed } from './followed.ts';
import type { Reachable } from './reachable.ts';

/** What metrics tell of the policies, wherever they come from. */
export function policyReadings(
  compiled: () => readonly CompiledPolicy[],
  clock: Clock,
): Pick<MetricReadings, 'policies' | 'policiesNotReady' | 'policiesEnding'> {
  return {
    policies: () => compiled().length,
    policiesNotReady: () => compiled().filter(({ problems }) => problems.length > 0).length,
    policiesEnding: () => countEndings(compiled(), clock()),
  };
}

export interface ClusterReadingsParts {
  readonly followed: Pick<Followed, 'policies'>;
  readonly leadership: Leadership;
  readonly reachable: Pick<Reachable, 'certificates' | 'registration'>;
}

export function clusterReadings(
  { followed, leadership, reachable: { certificates, registration } }: ClusterReadingsParts,
  clock: Clock,
): MetricReadings {
  const { book, operator } = followed.policies;
  return {
    ...policyReadings(() => book.entries().map(({ compiled }) => compiled), clock),
    storeAge: () => (operator.isSynced ? (performance.now() - operator.policiesHeardAt) / 1000 : undefined),
    certificateExpiry: () => {
      const at = certificates.expiresAt();
      return at === undefined ? undefined : (at - clock()) / 1000;
    },
    isLeader: leadership.isLeader,
    armed: () => registration.unarmed().length === 0,
  };
}

/** For the dashboard. */
export function clusterOverview(
  { followed, leadership }: Pick<ClusterReadingsParts, 'followed' | 'leadership'>,
  effects: Effects | undefined,
): HostOverview {
  const policies = followed.policies.book.entries().map(({ policy, compiled }) => {
    // Only the leader counts; the others have read what it wrote.
    const affected = effects?.of(policyName(policy)) ?? policy.status?.affected;
    return { policy, compiled, affected };
  });
  return { leads: leadership.isLeader(), policies };
}
