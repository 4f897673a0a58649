// SPDX-License-Identifier: Apache-2.0
import type { Outcome, VerdictCode } from '../verdict-codes.ts';
import { escaped } from './markup.ts';
import { WORDS } from './outcomes.ts';

/** What a namespace runs, image by image. */
export interface NamespaceTable {
  /** Outside text. */
  readonly namespace: string;
  /** What the first column has, in words. */
  readonly heading: string;
  /** How many rows there are, in words. */
  readonly count: string;
  readonly rows: readonly NamespaceRow[];
}

/** Texts are markup, in which text from outside is escaped already. */
export interface NamespaceRow {
  readonly outcome: Outcome;
  readonly code: VerdictCode;
  /** The Pod or workload. */
  readonly user: string;
  readonly image: string;
  /** What follows the verdict. */
  readonly note?: string;
}

/** Markup: open where something is not allowed. */
export function namespaceTable({ namespace, heading, count, rows }: NamespaceTable): string {
  const failing = rows.filter(({ outcome }) => outcome !== 'allowed').length;
  const told = failing === 0 ? 'all allowed' : `${failing} of ${count} not allowed`;
  return `<details${failing === 0 ? '' : ' open=""'}>
<summary>${escaped(namespace)} <span class="soft">${told}</span></summary>
<table>
<thead><tr><th scope="col">${heading}</th><th scope="col">Image</th><th scope="col">Verdict</th></tr></thead>
<tbody>
${rows.map(rowMarkup).join('\n')}
</tbody>
</table>
</details>`;
}

function rowMarkup({ outcome, code, user, image, note = '' }: NamespaceRow): string {
  return `<tr class="${outcome}"><td>${user}</td><td>${image}</td><td><strong>${WORDS[outcome]}</strong> ${code}${note}</td></tr>`;
}
