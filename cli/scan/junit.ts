// SPDX-License-Identifier: Apache-2.0
import type { Verdict } from '../../core/verdict/types.ts';
import { escaped } from './markup.ts';
import { podsText, type ScannedImage, type ScanReport } from './report.ts';

const PODS_SHOWN = 50;

/** JUnit XML, as CI systems read it: a test case for each image. */
export function junitXml({ images, summary }: ScanReport): string {
  const counts = `tests="${summary.images}" failures="${summary.denied}" errors="${summary.undecided}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="cosignet" ${counts}>`,
    `  <testsuite name="${escaped(summary.source)}" ${counts} skipped="0" timestamp="${escaped(summary.scannedAt.replace('Z', ''))}">`,
    ...images.map(testCase),
    '  </testsuite>',
    '</testsuites>',
  ].join('\n');
}

function testCase({ verdict, pods }: ScannedImage): string {
  const name = `    <testcase classname="${escaped(verdict.policies.join(' ') || 'no policy')}" name="${escaped(verdict.image)}"`;
  const output = pods.length === 0 ? '' : `<system-out>${escaped(`Pods: ${podsText(pods, PODS_SHOWN)}`)}</system-out>`;
  const content = failureOf(verdict) + output;
  return content === '' ? `${name}/>` : `${name}>${content}</testcase>`;
}

function failureOf({ outcome, code, mode, message, remedy }: Verdict): string {
  if (outcome === 'allowed') return '';
  const element = outcome === 'denied' ? 'failure' : 'error';
  const text = [message, remedy, `mode ${mode}`].filter((part) => part !== '').map(escaped);
  return `<${element} type="${escaped(code)}" message="${escaped(message)}">${text.join('\n')}</${element}>`;
}
