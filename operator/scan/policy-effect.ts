// SPDX-License-Identifier: Apache-2.0
import { compareTexts } from '../../core/text.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { PodGroup, Running, Subject } from './running-groups.ts';

/** What one policy would do to what runs, if all of it were created now. */
export interface PolicyEffect {
  /** Pods. A Pod counts once, however many of its images are refused. */
  readonly wouldDeny: number;
  /** Pods that are not denied, with an image that could not be decided. */
  readonly undecided: number;
  /** `namespace/pod: image: code`. */
  readonly sample: readonly string[];
  /** Of the policy's spec. */
  readonly observedGeneration: number;
}

const SAMPLES = 10;
/** The CRD's bound of one sample. */
const SAMPLE_MOST = 1024;

interface Tally {
  wouldDeny: number;
  undecided: number;
  readonly refused: Set<Subject>;
}

/**
 * What each policy would do, by its name. Left out: a policy of which some image was not decided yet, because
 * half a count looks like a small one.
 */
export function policyEffects(
  running: Running,
  policies: ReadonlyMap<string, CompiledPolicy>,
): ReadonlyMap<string, PolicyEffect> {
  const unknown = new Set(running.subjects.flatMap(({ policies: applying, result }) => (result ? [] : applying)));
  const tallies = new Map<string, Tally>();
  for (const [name, policy] of policies) {
    if (!unknown.has(policy)) tallies.set(name, { wouldDeny: 0, undecided: 0, refused: new Set() });
  }
  for (const group of running.groups) countGroup(group, tallies);
  return new Map(
    [...tallies].map(([name, tally]) => [name, effectOf(tally, policies.get(name)?.generation ?? 0)] as const),
  );
}

function countGroup({ subjects, pods }: PodGroup, tallies: ReadonlyMap<string, Tally>): void {
  const denying = new Set<string>();
  const unclear = new Set<string>();
  for (const subject of subjects) {
    const { outcome, refusedBy = [] } = subject.result ?? {};
    for (const name of refusedBy) {
      tallies.get(name)?.refused.add(subject);
      (outcome === 'denied' ? denying : unclear).add(name);
    }
  }
  for (const name of denying) count(tallies.get(name), 'wouldDeny', pods);
  for (const name of unclear.difference(denying)) count(tallies.get(name), 'undecided', pods);
}

function count(tally: Tally | undefined, what: 'wouldDeny' | 'undecided', pods: number): void {
  if (tally) tally[what] += pods;
}

function effectOf({ wouldDeny, undecided, refused }: Tally, observedGeneration: number): PolicyEffect {
  // One for each image of a namespace: a hundred Pods of one Deployment tell nothing more.
  const sample = [...refused].toSorted(byUrgency).slice(0, SAMPLES).map(sampleOf);
  return { wouldDeny, undecided, sample, observedGeneration };
}

function sampleOf({ source, firstPod, image, result }: Subject): string {
  return `${source.namespace}/${firstPod}: ${image}: ${result?.code}`.slice(0, SAMPLE_MOST);
}

/** Denied ones first; then in an order that does not change while the Pods don't. */
function byUrgency(a: Subject, b: Subject): number {
  return (
    isDenied(b) - isDenied(a) || compareTexts(a.source.namespace, b.source.namespace) || compareTexts(a.key, b.key)
  );
}

function isDenied({ result }: Subject): number {
  return Number(result?.outcome === 'denied');
}
