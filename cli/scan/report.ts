// SPDX-License-Identifier: Apache-2.0
import { counted } from '../../core/text.ts';
import type { VerdictCode } from '../../core/verdict-codes.ts';
import type { Place } from '../inputs/manifests.ts';
import type { Verdict } from '../../core/verdict/types.ts';

export interface PodName {
  readonly namespace: string;
  readonly name: string;
  /** Kind and name of what made it, such as `Deployment web`; undefined: somebody did. */
  readonly workload?: string;
}

/** One image, and who runs it. */
export interface ScannedImage {
  readonly verdict: Verdict;
  /** Empty where images came from a file. */
  readonly pods: readonly PodName[];
  /** Where the file names it, counted from 1. */
  readonly line?: number;
  /** Where manifests name it. */
  readonly places?: readonly Place[];
}

export interface ScanSummary {
  /** RFC 3339. */
  readonly scannedAt: string;
  /** Where the images came from, for people. */
  readonly source: string;
  /** Images, each counted once for one verdict. */
  readonly images: number;
  readonly allowed: number;
  readonly denied: number;
  /** Could not be decided; Enforce refuses them too. */
  readonly undecided: number;
  readonly pods: number;
  /** Pods with an image that is not allowed, whatever the mode. */
  readonly podsRefused: number;
  readonly codes: Readonly<Partial<Record<VerdictCode, number>>>;
}

export interface ScanReport {
  /** What needs attention first. */
  readonly images: readonly ScannedImage[];
  readonly summary: ScanSummary;
}

export interface ScanSource {
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const URGENCY = { denied: 0, error: 1, allowed: 2 } as const;

/** Images with the same verdict, in several namespaces or with other credentials, become one. */
export function createReport(scanned: readonly ScannedImage[], { source, now }: ScanSource): ScanReport {
  const merged = new Map<string, ScannedImage>();
  for (const item of scanned) {
    const { image, resolved, code, mode, policies } = item.verdict;
    const key = JSON.stringify([image, resolved, code, mode, policies]);
    const known = merged.get(key);
    merged.set(key, known === undefined ? item : joined(known, item));
  }
  const images = [...merged.values()].toSorted(byUrgency);
  return { images, summary: summaryOf(images, { source, now }) };
}

function joined(known: ScannedImage, { pods, places }: ScannedImage): ScannedImage {
  const both = [...(known.places ?? []), ...(places ?? [])];
  return { ...known, pods: [...known.pods, ...pods], ...(both.length > 0 && { places: both }) };
}

function summaryOf(images: readonly ScannedImage[], { source, now }: ScanSource): ScanSummary {
  const codes: Partial<Record<VerdictCode, number>> = {};
  const outcomes = { allowed: 0, denied: 0, error: 0 };
  const pods = new Set<string>();
  const refused = new Set<string>();
  for (const { verdict, pods: running } of images) {
    codes[verdict.code] = (codes[verdict.code] ?? 0) + 1;
    outcomes[verdict.outcome] += 1;
    for (const { namespace, name } of running) {
      pods.add(`${namespace}/${name}`);
      if (verdict.outcome !== 'allowed') refused.add(`${namespace}/${name}`);
    }
  }
  return {
    scannedAt: `${new Date(now).toISOString().slice(0, 19)}Z`,
    source,
    images: images.length,
    allowed: outcomes.allowed,
    denied: outcomes.denied,
    undecided: outcomes.error,
    pods: pods.size,
    podsRefused: refused.size,
    codes,
  };
}

/** One sentence. */
export function summaryText({ images, pods, allowed, denied, undecided, podsRefused }: ScanSummary): string {
  const where = pods === 0 ? '' : ` in ${counted(pods, 'Pod')}`;
  const parts = [
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(undecided > 0 ? [`${undecided} could not be checked`] : []),
    `${allowed} allowed`,
  ];
  const affected = podsRefused > 0 ? `; ${counted(podsRefused, 'Pod')} would be refused in Enforce` : '';
  return `${counted(images, 'image')}${where}: ${parts.join(', ')}${affected}`;
}

/** The first few, and how many more there are. */
export function podsText(pods: readonly PodName[], most: number): string {
  const shown = pods.slice(0, most).map(({ namespace, name }) => `${namespace}/${name}`);
  const more = pods.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** The first few, as editors make links of them, and how many more there are. */
export function placesText(places: readonly Place[], most: number): string {
  const shown = places.slice(0, most).map(({ file, line, object }) => `${file}:${line} (${object})`);
  const more = places.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function byUrgency({ verdict: a, pods: podsOfA }: ScannedImage, { verdict: b, pods: podsOfB }: ScannedImage): number {
  const order = URGENCY[a.outcome] - URGENCY[b.outcome] || podsOfB.length - podsOfA.length;
  return order || (a.image < b.image ? -1 : Number(a.image > b.image));
}
