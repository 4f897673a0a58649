// SPDX-License-Identifier: Apache-2.0
import { compareTexts } from '../../core/text.ts';
import type { CompiledPolicy } from '../../core/policy/types.ts';
import type { Steps } from './in-turns.ts';
import { keepFirst } from './keep-first.ts';
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
  /** What it refuses, the most urgent. */
  readonly first: Subject[];
}

/**
 * What each policy would do, by its name. Left out: a policy of which some image was not decided yet, because
 * half a count looks like a small one.
 */
export function* policyEffects(
  running: Running,
  policies: ReadonlyMap<string, CompiledPolicy>,
): Steps<ReadonlyMap<string, PolicyEffect>> {
  const unknown = yield* policiesToCome(running);
  const tallies = new Map<string, Tally>();
  for (const [name, policy] of policies) {
    yield;
    if (!unknown.has(policy)) tallies.set(name, { wouldDeny: 0, undecided: 0, first: [] });
  }
  for (const group of running.groups) yield* countGroup(group, tallies);
  for (const subject of running.subjects) yield* sample(subject, tallies);
  const effects = new Map<string, PolicyEffect>();
  for (const [name, tally] of tallies) {
    yield;
    effects.set(name, effectOf(tally, policies.get(name)?.generation ?? 0));
  }
  return effects;
}

/** Those of which some image was not decided yet. */
function* policiesToCome({ subjects }: Running): Steps<ReadonlySet<CompiledPolicy>> {
  const unknown = new Set<CompiledPolicy>();
  for (const { policies, result } of subjects) {
    yield;
    for (const policy of result ? [] : policies) {
      unknown.add(policy);
      yield;
    }
  }
  return unknown;
}

function* sample(subject: Subject, tallies: ReadonlyMap<string, Tally>): Steps<void> {
  yield;
  // One for each image of a namespace: a hundred Pods of one Deployment tell nothing more.
  for (const name of subject.result?.refusedBy ?? []) {
    const tally = tallies.get(name);
    if (tally) keepFirst(tally.first, subject, SAMPLES, byUrgency);
    yield;
  }
}

function* countGroup({ subjects, pods }: PodGroup, tallies: ReadonlyMap<string, Tally>): Steps<void> {
  yield;
  const denying = new Set<string>();
  const unclear = new Set<string>();
  for (const { result } of subjects) {
    for (const name of result?.refusedBy ?? []) {
      (result?.outcome === 'denied' ? denying : unclear).add(name);
      yield;
    }
  }
  for (const name of denying) {
    count(tallies.get(name), 'wouldDeny', pods);
    yield;
  }
  for (const name of unclear) {
    if (!denying.has(name)) count(tallies.get(name), 'undecided', pods);
    yield;
  }
}

function count(tally: Tally | undefined, what: 'wouldDeny' | 'undecided', pods: number): void {
  if (tally) tally[what] += pods;
}

function effectOf({ wouldDeny, undecided, first }: Tally, observedGeneration: number): PolicyEffect {
  return { wouldDeny, undecided, sample: first.map(sampleOf), observedGeneration };
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
