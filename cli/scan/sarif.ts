// SPDX-License-Identifier: Apache-2.0
import { VERDICT_CODES } from '../../core/verdict-codes.ts';
import type { VerdictCode } from '../../core/verdict-codes.ts';
import type { Mode } from '../../core/policy/types.ts';
import { printable } from '../../core/text.ts';
import { VERSION } from '../output/version.ts';
import { factsOf } from '../../core/verdict-codes.ts';
import type { ScannedImage, ScanReport } from './report.ts';

/** Where codes are explained, in the sources and in every release. */
const PAGE = 'docs/reference/verdicts.md';
const LEVELS: Readonly<Record<Mode, 'error' | 'warning' | 'note'>> = {
  Enforce: 'error',
  Warn: 'warning',
  Audit: 'note',
};
/** Beyond it viewers cut results themselves. */
const LOCATIONS = 100;

/** SARIF 2.1.0 (OASIS): a rule for each verdict code, a result for each image that is not allowed. */
export function sarifJson(report: ScanReport): string {
  const { images, summary } = report;
  const failing = images.filter(({ verdict }) => verdict.outcome !== 'allowed');
  const codes = VERDICT_CODES.filter((code) => failing.some(({ verdict }) => verdict.code === code));
  const rules = codes.map((code) => ({
    id: code,
    name: code,
    shortDescription: { text: factsOf(code).summary },
    help: { text: `${factsOf(code).summary} See ${PAGE}#${code.toLowerCase()}.` },
    defaultConfiguration: { level: 'error' },
  }));
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Cosignet', version: VERSION, semanticVersion: VERSION, rules } },
        // What could not be decided is a result; that it could be decided later makes the run no failure.
        invocations: [{ executionSuccessful: true, endTimeUtc: summary.scannedAt }],
        results: failing.map((item) => resultOf(item, summary.source, codes)),
        columnKind: 'utf16CodeUnits',
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}

function resultOf(item: ScannedImage, source: string, codes: readonly VerdictCode[]) {
  const { image, code, mode, message, remedy, policies } = item.verdict;
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: LEVELS[mode],
    message: { text: printable(remedy === '' ? message : `${message}. ${remedy}`) },
    locations: locationsOf(item, source),
    partialFingerprints: { 'imageCodePolicies/v1': JSON.stringify([image, code, policies]) },
  };
}

/** The line of the file that names the image; in a cluster the image itself, and the Pods that run it. */
function locationsOf({ verdict, pods, line }: ScannedImage, source: string) {
  const physicalLocation = {
    artifactLocation: { uri: uriOf(line === undefined ? verdict.image : source) },
    region: { startLine: line ?? 1 },
  };
  const logicalLocations = pods.slice(0, LOCATIONS).map(({ namespace, name }) => ({
    name: printable(name),
    fullyQualifiedName: printable(`${namespace}/${name}`),
    kind: 'resource',
  }));
  return [{ physicalLocation, ...(logicalLocations.length > 0 && { logicalLocations }) }];
}

/** A relative reference (RFC 3986): a colon in its first segment would make a scheme of `host:port`. */
function uriOf(text: string): string {
  const [first = '', ...rest] = text.toWellFormed().split('/').map(encodeURIComponent);
  return [first, ...rest.map((segment) => segment.replaceAll('%3A', ':'))].join('/').replaceAll('%40', '@');
}
