// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';

export interface JunitCase {
  readonly classname: string;
  readonly name: string;
  /** Where it stands; `line` from 1. */
  readonly at?: { readonly file: string; readonly line: number };
  readonly failure?: JunitFailure;
  /** Lines, for people. */
  readonly output?: readonly string[];
}

export interface JunitFailure {
  /** `error`: it could not be decided. */
  readonly kind: 'failure' | 'error';
  readonly type: string;
  readonly message: string;
  /** Lines. */
  readonly text: readonly string[];
}

/** JUnit XML, as CI systems read it: one suite. `timestamp` is RFC 3339. */
export function junitSuite(name: string, cases: readonly JunitCase[], timestamp: string): string {
  const number = (kind: JunitFailure['kind']) => cases.filter(({ failure }) => failure?.kind === kind).length;
  const counts = `tests="${cases.length}" failures="${number('failure')}" errors="${number('error')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="cosignet" ${counts}>`,
    `  <testsuite name="${escaped(name)}" ${counts} skipped="0" timestamp="${escaped(timestamp.replace('Z', ''))}">`,
    ...cases.map(testCase),
    '  </testsuite>',
    '</testsuites>',
  ].join('\n');
}

function testCase({ classname, name, at, failure, output = [] }: JunitCase): string {
  const place = at === undefined ? '' : ` file="${escaped(at.file)}" line="${at.line}"`;
  const start = `    <testcase classname="${escaped(classname)}" name="${escaped(name)}"${place}`;
  const content = failureOf(failure) + (output.length === 0 ? '' : `<system-out>${linesOf(output)}</system-out>`);
  return content === '' ? `${start}/>` : `${start}>${content}</testcase>`;
}

function failureOf(failure: JunitFailure | undefined): string {
  if (failure === undefined) return '';
  const { kind, type, message, text } = failure;
  return `<${kind} type="${escaped(type)}" message="${escaped(message)}">${linesOf(text)}</${kind}>`;
}

function linesOf(lines: readonly string[]): string {
  return lines.map(escaped).join('\n');
}
