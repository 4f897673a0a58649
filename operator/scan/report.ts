// SPDX-License-Identifier: Apache-2.0
import type { ReportFormat } from '../../core/config/types.ts';
import { compareTexts, oneLine } from '../../core/text.ts';
import { factsOf, type VerdictCode } from '../../core/verdict-codes.ts';
import type { Steps } from './in-turns.ts';
import { keepFirst } from './keep-first.ts';
import type { Running, Subject } from './running-groups.ts';

/** A kind of report. Server-side apply refuses a field that a definition lacks, so that each has only what it knows. */
interface ReportKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  /** At the top of each. */
  readonly fields: object;
}

export const REPORT_KINDS: Readonly<Record<Exclude<ReportFormat, 'None'>, ReportKind>> = {
  OpenReports: {
    group: 'openreports.io',
    version: 'v1alpha1',
    kind: 'Report',
    plural: 'reports',
    fields: { source: 'cosignet' },
  },
  PolicyReports: {
    group: 'wgpolicyk8s.io',
    version: 'v1alpha2',
    kind: 'PolicyReport',
    plural: 'policyreports',
    fields: {},
  },
};

type Result = 'pass' | 'fail' | 'error';

/** What one policy makes of one image of a namespace. */
interface ReportResult {
  readonly policy: string;
  /** The code of the verdict; left out where it is about another policy. */
  readonly rule?: VerdictCode;
  readonly result: Result;
  readonly message: string;
  /** The first of the Pods by name. */
  readonly resources: readonly [{ apiVersion: 'v1'; kind: 'Pod'; namespace: string; name: string }];
  readonly properties: { readonly image: string; readonly pods: string };
}

/** Of one namespace. It is the same as long as nothing else was found. */
export interface ReportContent {
  /** Of all results, those that were left out, too. */
  readonly summary: Readonly<Record<Result | 'warn' | 'skip', number>>;
  /** What fails first. */
  readonly results: readonly ReportResult[];
}

/** Half a MiB at most, a third of what the API server stores of one object. */
const RESULTS_MOST = 256;
const IMAGE_MOST = 512;
const ORDER: readonly Result[] = ['fail', 'error', 'pass'];

/** A report in the making: of any number of results it holds the first. */
interface Draft {
  readonly summary: Record<Result | 'warn' | 'skip', number>;
  readonly first: Ranked[];
}

interface Ranked {
  readonly result: ReportResult;
  readonly rank: number;
  readonly key: string;
}

/** A report for each namespace in which a policy applies to something that was decided about. */
export function* reportContents({ subjects }: Running): Steps<ReadonlyMap<string, ReportContent>> {
  const drafts = new Map<string, Draft>();
  for (const subject of subjects) {
    yield;
    const { namespace } = subject.source;
    for (const result of resultsOf(subject)) {
      const draft = drafts.get(namespace) ?? emptyDraft();
      drafts.set(namespace, draft);
      add(draft, result);
      yield;
    }
  }
  const contents = new Map<string, ReportContent>();
  for (const [namespace, { summary, first }] of drafts) {
    contents.set(namespace, { summary, results: first.map(({ result }) => result) });
    yield;
  }
  return contents;
}

function emptyDraft(): Draft {
  return { summary: { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 }, first: [] };
}

function add({ summary, first }: Draft, result: ReportResult): void {
  summary[result.result] += 1;
  keepFirst(first, { result, rank: ORDER.indexOf(result.result), key: keyOf(result) }, RESULTS_MOST, byRank);
}

function byRank(a: Ranked, b: Ranked): number {
  return a.rank - b.rank || compareTexts(a.key, b.key);
}

function* resultsOf({ policies, result, image, pods, firstPod, source }: Subject): Generator<ReportResult> {
  if (result === undefined) return;
  const { outcome, code, refusedBy } = result;
  const refused = outcome === 'denied' ? 'fail' : 'error';
  const shown = oneLine(image, IMAGE_MOST);
  const refusing = new Set(outcome === 'allowed' ? [] : refusedBy);
  for (const { name } of policies) {
    const isRefused = refusing.has(name);
    yield {
      policy: name,
      ...((isRefused || outcome === 'allowed') && { rule: code }),
      result: isRefused ? refused : 'pass',
      message: isRefused ? `${shown}: ${factsOf(code).summary}` : shown,
      resources: [{ apiVersion: 'v1', kind: 'Pod', namespace: source.namespace, name: firstPod }],
      properties: { image: shown, pods: String(pods) },
    };
  }
}

function keyOf({ policy, properties, resources: [{ name }] }: ReportResult): string {
  return `${policy} ${properties.image} ${name}`;
}
