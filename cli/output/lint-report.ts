// SPDX-License-Identifier: Apache-2.0
import { printable } from '../../core/text.ts';
import { documentText } from './document.ts';
import { placed } from './placed.ts';
import { junitSuite, type JunitCase } from './junit-suite.ts';
import { physicalLocation, sarifLog } from './sarif-log.ts';

export type LintFormat = 'text' | 'json' | 'yaml' | 'junit' | 'sarif';

/** Reason of a document that is no policy at all. */
export const UNREADABLE = 'InvalidDocument';

/** Reason of a hint. */
export const HARDLY_MEANT = 'HardlyMeant';

const SUMMARIES: Readonly<Record<string, string>> = {
  [UNREADABLE]: 'It is no policy that can be read.',
  [HARDLY_MEANT]: 'It is valid, and means something else than it looks like.',
};

export interface LintFault {
  readonly file: string;
  /** From 1; 0 where the fault is the file itself. */
  readonly line: number;
  readonly message: string;
  /** As in a policy's conditions; or `InvalidDocument`. */
  readonly reason: string;
  /** Undefined: of no policy that could be read. */
  readonly policy?: string;
}

export interface LintReport {
  readonly policies: readonly { readonly name: string; readonly file: string; readonly line: number }[];
  readonly all: readonly LintFault[];
  /** Valid, and hardly meant: no errors. */
  readonly hints: readonly LintFault[];
}

const RENDERERS: Readonly<Record<LintFormat, (report: LintReport, now: string) => string>> = {
  text: textOf,
  json: (report) => documentText(documentOf(report), 'json'),
  yaml: (report) => documentText(documentOf(report), 'yaml'),
  junit: junitText,
  sarif: sarifText,
};

/** Without a line break at its end; empty where `text` has nothing to say. */
export function renderLint(report: LintReport, format: LintFormat, now: Date): string {
  return RENDERERS[format](report, `${now.toISOString().slice(0, 19)}Z`);
}

function textOf({ all, hints }: LintReport): string {
  const hinted = hints.map((hint) => ({ ...hint, message: `hint: ${hint.message}` }));
  return [...all, ...hinted].map((fault) => printable(placed(fault))).join('\n');
}

function documentOf({ policies, all, hints }: LintReport): object {
  return { policies: policies.length, faults: all, hints };
}

/** A test case for each policy, and for each document that is none. */
function junitText({ policies, all }: LintReport, now: string): string {
  const cases = [
    ...policies.map((policy) =>
      caseOf(
        policy,
        all.filter((fault) => fault.policy === policy.name && fault.file === policy.file),
      ),
    ),
    ...all.filter(({ policy }) => policy === undefined).map((fault) => caseOf({ ...fault, name: UNREADABLE }, [fault])),
  ];
  return junitSuite('policies', cases, now);
}

function caseOf({ name, file, line }: LintReport['policies'][number], faults: readonly LintFault[]): JunitCase {
  const [first] = faults;
  const failure = first && {
    kind: 'failure' as const,
    type: first.reason,
    message: first.message,
    text: faults.map(placed),
  };
  return { classname: file, name, at: { file, line }, ...(failure && { failure }) };
}

/** A rule for each reason, a result for each fault. */
function sarifText({ all, hints }: LintReport, now: string): string {
  const found = [...all, ...hints];
  const reasons = [...new Set(found.map(({ reason }) => reason))].toSorted();
  const rules = reasons.map((id) => ({
    id,
    summary: SUMMARIES[id] ?? 'The policy is not Ready, and denies its images.',
    page: 'docs/reference/imagepolicy.md',
  }));
  const results = found.map(({ file, line, message, reason, policy = '' }) => ({
    ruleId: reason,
    level: reason === HARDLY_MEANT ? ('note' as const) : ('error' as const),
    message,
    locations: [{ physicalLocation: physicalLocation(file, line) }],
    fingerprint: { name: 'policyReasonMessage/v1', value: JSON.stringify([policy, reason, message]) },
  }));
  return sarifLog(rules, results, now);
}
