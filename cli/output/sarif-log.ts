// SPDX-License-Identifier: Apache-2.0
import { printable } from '../../core/text.ts';
import { VERSION } from './version.ts';

/** A kind of finding. */
export interface SarifRule {
  readonly id: string;
  /** A sentence. */
  readonly summary: string;
  /** Where it is explained, in the sources and in every release. */
  readonly page: string;
}

export interface SarifResult {
  readonly ruleId: string;
  readonly level: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly locations: readonly object[];
  /** What tells it from others, whatever line it is on. */
  readonly fingerprint: { readonly name: string; readonly value: string };
}

/** SARIF 2.1.0 (OASIS), one run. `endedAt` is RFC 3339. */
export function sarifLog(rules: readonly SarifRule[], results: readonly SarifResult[], endedAt: string): string {
  const log = {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'Cosignet', version: VERSION, semanticVersion: VERSION, rules: rules.map(ruleOf) } },
        // What could not be decided is a result; that it could be decided later makes the run no failure.
        invocations: [{ executionSuccessful: true, endTimeUtc: endedAt }],
        results: results.map((result) => resultOf(result, rules)),
        columnKind: 'utf16CodeUnits',
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}

/** The place in a file; `line` from 1. */
export function physicalLocation(file: string, line: number): object {
  return { artifactLocation: { uri: uriOf(file) }, region: { startLine: Math.max(1, line) } };
}

function ruleOf({ id, summary, page }: SarifRule) {
  return {
    id,
    name: id,
    shortDescription: { text: summary },
    help: { text: `${summary} See ${page}.` },
    defaultConfiguration: { level: 'error' },
  };
}

function resultOf({ ruleId, level, message, locations, fingerprint }: SarifResult, rules: readonly SarifRule[]) {
  return {
    ruleId,
    ruleIndex: rules.findIndex(({ id }) => id === ruleId),
    level,
    message: { text: printable(message) },
    locations,
    partialFingerprints: { [fingerprint.name]: fingerprint.value },
  };
}

/** A relative reference (RFC 3986): a colon in its first segment would make a scheme of `host:port`. */
function uriOf(text: string): string {
  const [first = '', ...rest] = text.toWellFormed().split('/').map(encodeURIComponent);
  return [first, ...rest.map((segment) => segment.replaceAll('%3A', ':'))].join('/').replaceAll('%40', '@');
}
