// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';

/** What scripts read, without a line break at its end. */
export type DocumentFormat = 'json' | 'yaml';

export function documentText(value: unknown, format: DocumentFormat): string {
  // Long lines stay lines, and equal parts are written out: not every reader knows anchors.
  return format === 'json'
    ? JSON.stringify(value, null, 2)
    : stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
}
