// SPDX-License-Identifier: Apache-2.0
import type { VerdictCode, Outcome } from '../../core/verdict-codes.ts';
import type { ImageReference } from '../../core/image/types.ts';
import type { CompiledPolicy, NamespaceContext } from '../../core/policy/types.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import type { DecisionRequest } from '../../core/verdict/types.ts';
import type { Steps } from './in-turns.ts';
import { parsedReference, type PodObject, type RunningImages } from './running-images.ts';

/** One image in one namespace, with the credentials of the Pods that run it: decided once for all of them. */
export interface Subject {
  readonly key: string;
  /** As people see it. */
  readonly image: string;
  /** As decided. */
  readonly asked: Pick<DecisionRequest, 'image' | 'runs'>;
  /** Undefined: it is none, so no policy covers it. */
  readonly reference: ImageReference | undefined;
  readonly source: PullIdentity;
  /** How many Pods run it. */
  pods: number;
  /** The first of them by name. */
  firstPod: string;
  /** Undefined: the namespace is not known. */
  context: NamespaceContext | undefined;
  /** Those that apply to it now. */
  policies: readonly CompiledPolicy[];
  /** By these policies; undefined: not decided yet. */
  result: ScanResult | undefined;
}

export interface ScanResult {
  readonly outcome: Outcome;
  readonly code: VerdictCode;
  /** Names of the policies that refuse it, or could not be followed because evidence is out of reach. */
  readonly refusedBy: readonly string[];
  /** Milliseconds, of a clock that only grows. */
  readonly at: number;
}

/** Pods of one namespace that run the same images: whatever holds for one holds for all. */
export interface PodGroup {
  readonly subjects: readonly Subject[];
  pods: number;
}

export interface Running {
  readonly groups: readonly PodGroup[];
  /** The most frequent first: it is the likeliest to be admitted next. */
  readonly subjects: readonly Subject[];
}

/** One pass over all Pods, cheap for each: there may be 150,000. */
export function* groupPods(pods: Iterable<PodObject>, isLeftOut: (namespace: string) => boolean): Steps<Running> {
  const groups = new Map<RunningImages, Map<string, PodGroup>>();
  const subjects = new Map<string, Subject>();
  const all: PodGroup[] = [];
  for (const { metadata, runs } of pods) {
    const { name, namespace = '' } = metadata;
    yield;
    if (runs === undefined || isLeftOut(namespace)) continue;
    const here = valueOf(groups, runs, () => new Map<string, PodGroup>());
    let group = here.get(namespace);
    if (group === undefined) {
      group = { subjects: yield* subjectsOf(runs, namespace, subjects), pods: 0 };
      here.set(namespace, group);
      all.push(group);
    }
    group.pods += 1;
    for (const subject of group.subjects) {
      yield;
      subject.pods += 1;
      if (subject.firstPod === '' || name < subject.firstPod) subject.firstPod = name;
    }
  }
  return { groups: all, subjects: yield* byFrequency(subjects.values()) };
}

/** Of thousands only a few run equally often: to sort how often is enough. */
function* byFrequency(subjects: Iterable<Subject>): Steps<readonly Subject[]> {
  const running = new Map<number, Subject[]>();
  for (const subject of subjects) {
    valueOf(running, subject.pods, () => []).push(subject);
    yield;
  }
  return [...running].toSorted(([a], [b]) => b - a).flatMap(([, same]) => same);
}

function* subjectsOf(
  { images, imagePullSecrets, serviceAccountName }: RunningImages,
  namespace: string,
  known: Map<string, Subject>,
): Steps<readonly Subject[]> {
  const source = { namespace, imagePullSecrets, serviceAccountName };
  const subjects: Subject[] = [];
  for (const { image, written, runs } of images) {
    yield;
    const key = JSON.stringify([image, runs, source]);
    const subject = valueOf(known, key, () => ({
      key,
      image,
      asked: { image: written, ...(runs !== undefined && { runs }) },
      reference: parsedReference(image),
      source,
      pods: 0,
      firstPod: '',
      context: undefined,
      policies: [],
      result: undefined,
    }));
    subjects.push(subject);
  }
  return subjects;
}

function valueOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
