// SPDX-License-Identifier: Apache-2.0
import { factsOf, VERDICT_CODES } from '../../core/verdict-codes.ts';
import type { Mode } from '../../core/policy/types.ts';
import { printable } from '../../core/text.ts';
import { physicalLocation, sarifLog, type SarifResult } from '../output/sarif-log.ts';
import type { ScannedImage, ScanReport } from './report.ts';

const PAGE = 'docs/reference/verdicts.md';
const LEVELS: Readonly<Record<Mode, 'error' | 'warning' | 'note'>> = {
  Enforce: 'error',
  Warn: 'warning',
  Audit: 'note',
};
/** Beyond it viewers cut results themselves. */
const LOCATIONS = 100;

/** A rule for each verdict code, a result for each image that is not allowed. */
export function sarifJson({ images, summary }: ScanReport): string {
  const failing = images.filter(({ verdict }) => verdict.outcome !== 'allowed');
  const codes = VERDICT_CODES.filter((code) => failing.some(({ verdict }) => verdict.code === code));
  const rules = codes.map((id) => ({ id, summary: factsOf(id).summary, page: `${PAGE}#${id.toLowerCase()}` }));
  const results = failing.map((item) => resultOf(item, summary.source));
  return sarifLog(rules, results, summary.scannedAt);
}

function resultOf(item: ScannedImage, source: string): SarifResult {
  const { image, code, mode, message, remedy, policies } = item.verdict;
  return {
    ruleId: code,
    level: LEVELS[mode],
    message: remedy === '' ? message : `${message}. ${remedy}`,
    locations: locationsOf(item, source),
    fingerprint: { name: 'imageCodePolicies/v1', value: JSON.stringify([image, code, policies]) },
  };
}

/** The lines of files that name the image; in a cluster the image itself, and the Pods that run it. */
function locationsOf({ verdict, pods, line, places = [] }: ScannedImage, source: string): readonly object[] {
  if (places.length > 0) {
    return places.slice(0, LOCATIONS).map(({ file, line: at, object }) => ({
      physicalLocation: physicalLocation(file, at),
      logicalLocations: [resource(object, object)],
    }));
  }
  const logicalLocations = pods
    .slice(0, LOCATIONS)
    .map(({ namespace, name }) => resource(name, `${namespace}/${name}`));
  return [
    {
      physicalLocation: line === undefined ? physicalLocation(verdict.image, 1) : physicalLocation(source, line),
      ...(logicalLocations.length > 0 && { logicalLocations }),
    },
  ];
}

function resource(name: string, fullyQualifiedName: string) {
  return { name: printable(name), fullyQualifiedName: printable(fullyQualifiedName), kind: 'resource' };
}
