// SPDX-License-Identifier: Apache-2.0
import type { ReportFormat } from '../../core/config/types.ts';
import { compareTexts, oneLine } from '../../core/text.ts';
import { factsOf, type VerdictCode } from '../../core/verdict-codes.ts';
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

/** A report for each namespace in which a policy applies to something that was decided about. */
export function reportContents({ subjects }: Running): ReadonlyMap<string, ReportContent> {
  const byNamespace = new Map<string, ReportResult[]>();
  for (const subject of subjects) {
    const results = resultsOf(subject);
    if (results.length === 0) continue;
    const { namespace } = subject.source;
    const known = byNamespace.get(namespace);
    if (known) known.push(...results);
    else byNamespace.set(namespace, results);
  }
  return new Map([...byNamespace].map(([namespace, results]) => [namespace, contentOf(results)]));
}

function resultsOf({ policies, result, image, pods, firstPod, source }: Subject): ReportResult[] {
  if (result === undefined) return [];
  const { outcome, code, refusedBy } = result;
  const refused = outcome === 'denied' ? 'fail' : 'error';
  const shown = oneLine(image, IMAGE_MOST);
  return policies.map(({ name }) => {
    const isRefused = outcome !== 'allowed' && refusedBy.includes(name);
    return {
      policy: name,
      ...((isRefused || outcome === 'allowed') && { rule: code }),
      result: isRefused ? refused : 'pass',
      message: isRefused ? `${shown}: ${factsOf(code).summary}` : shown,
      resources: [{ apiVersion: 'v1', kind: 'Pod', namespace: source.namespace, name: firstPod }],
      properties: { image: shown, pods: String(pods) },
    };
  });
}

function contentOf(results: readonly ReportResult[]): ReportContent {
  const sorted = results.toSorted(
    (a, b) => ORDER.indexOf(a.result) - ORDER.indexOf(b.result) || compareTexts(keyOf(a), keyOf(b)),
  );
  const count = (wanted: Result) => results.filter(({ result }) => result === wanted).length;
  return {
    summary: { pass: count('pass'), fail: count('fail'), warn: 0, error: count('error'), skip: 0 },
    results: sorted.slice(0, RESULTS_MOST),
  };
}

function keyOf({ policy, properties, resources: [{ name }] }: ReportResult): string {
  return `${policy} ${properties.image} ${name}`;
}
