// SPDX-License-Identifier: Apache-2.0
import type { Problem } from '../../core/policy/problems/report.ts';
import type { AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type {
  AffectedStatus,
  ImagePolicyStatus,
  StatusCondition,
} from '../../core/policy/documents/image-policy.gen.ts';
import { kindOf } from '../../core/policy/signers/signers.ts';
import { timeText } from '../../core/policy/problems/time.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import { withLastSeen } from './key-sightings.ts';
import { endingConditions } from './policy-endings.ts';

export interface StatusInput {
  readonly policy: AnyImagePolicy;
  readonly compiled: CompiledPolicy;
  /** Policies that take every image of this one; empty: none do. */
  readonly shadowedBy: readonly string[];
  /** What the last scan found; undefined: nothing is known. */
  readonly affected?: AffectedStatus | undefined;
  /** When a signer of it last counted, milliseconds since the epoch. */
  readonly lastSeen: (signer: string) => number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const MESSAGE_MOST = 2048;
const OURS = new Set(['Ready', 'Shadowed', 'Expiring', 'Expired']);

/** What the status should be, given what it is: times of conditions that did not change are kept, others' fields too. */
export function statusOf(input: StatusInput): ImagePolicyStatus {
  const { policy, compiled } = input;
  const { affected: before, keys: writtenKeys = [], ...others } = policy.status ?? {};
  const known = compiled.signers.flatMap((signer) => kindOf(signer).keyStatus(signer));
  const keys = withLastSeen(known, writtenKeys, input.lastSeen);
  const affected = affectedOf(before, input.affected);
  return {
    ...others,
    ...(affected && { affected }),
    observedGeneration: compiled.generation,
    images: imagesColumn(policy.spec.images),
    keyCount: keys.length,
    keys,
    conditions: conditionsOf(input),
  };
}

/**
 * What a replica that doesn't lead adds to the status: that keys counted for it, an hour or more after what is written.
 * The rest is the leader's word.
 */
export function seenStatusOf({ policy, compiled, lastSeen }: StatusInput): ImagePolicyStatus {
  const { status = {} } = policy;
  // Of another spec: the leader has not written yet.
  if (status.observedGeneration !== compiled.generation || status.keys === undefined) return status;
  return { ...status, keys: withLastSeen(status.keys, status.keys, lastSeen) };
}

/** Equal in what matters: nothing is written then. */
export function isSameStatus(policy: AnyImagePolicy, status: ImagePolicyStatus): boolean {
  return canonical(policy.status ?? {}) === canonical(status);
}

/** Another replica may have found the same before: that is when it was first seen. */
function affectedOf(before: AffectedStatus | undefined, now: AffectedStatus | undefined): AffectedStatus | undefined {
  return before && now && sameEffect(before, now) ? before : now;
}

/** Equal but for when it was seen. */
export function sameEffect(a: AffectedStatus, b: AffectedStatus): boolean {
  return canonical({ ...a, observedAt: '' }) === canonical({ ...b, observedAt: '' });
}

export function readyOf(status: ImagePolicyStatus | undefined): StatusCondition | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready');
}

function conditionsOf({ policy, compiled, shadowedBy, now }: StatusInput): readonly StatusCondition[] {
  const before = policy.status?.conditions ?? [];
  const time = timeText(now);
  const condition = (wanted: Omit<StatusCondition, 'lastTransitionTime' | 'observedGeneration'>): StatusCondition => {
    const known = before.find(({ type }) => type === wanted.type);
    const lastTransitionTime = known?.status === wanted.status ? known.lastTransitionTime : time;
    return { ...wanted, observedGeneration: compiled.generation, lastTransitionTime };
  };
  const ours = [
    condition({ type: 'Ready', ...readiness(compiled.problems) }),
    condition({ type: 'Shadowed', ...shadow(shadowedBy) }),
    ...endingConditions(compiled, now).map(condition),
  ];
  return [...ours, ...before.filter(({ type }) => !OURS.has(type))];
}

function readiness(problems: readonly Problem[]): Pick<StatusCondition, 'status' | 'reason' | 'message'> {
  const [first] = problems;
  if (!first) return { status: 'True', reason: 'Compiled', message: 'The policy is in use.' };
  const texts = problems.map(({ path, message }) => `${path}: ${message}`);
  const message = `The policy denies its images until this is fixed. ${texts.join('; ')}`;
  return { status: 'False', reason: first.reason, message: message.slice(0, MESSAGE_MOST) };
}

function shadow(shadowedBy: readonly string[]): Pick<StatusCondition, 'status' | 'reason' | 'message'> {
  if (shadowedBy.length === 0) {
    return {
      status: 'False',
      reason: 'NotShadowed',
      message: 'The policy covers images that no more specific policy covers.',
    };
  }
  const names = shadowedBy.slice(0, 10).join(', ');
  return {
    status: 'True',
    reason: 'Shadowed',
    message: `The policy applies to no image: more specific patterns of other policies cover all of them: ${names}.`,
  };
}

function imagesColumn(images: readonly string[]): string {
  // A definition that was edited may let anything through.
  const [first = '', ...rest] = Array.isArray(images) ? images.map(String) : [];
  return rest.length === 0 ? first : `${first} +${rest.length}`;
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
