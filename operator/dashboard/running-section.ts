// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import { namespaceTable, type NamespaceRow } from '../../core/page/namespace-table.ts';
import { outcomeFilter, searchBox, withoutDigest } from '../../core/page/outcomes.ts';
import { compareTexts, oneLine } from '../../core/text.ts';
import type { Outcome, VerdictCode } from '../../core/verdict-codes.ts';
import { strictestMode } from '../../core/verdict/outcome.ts';
import type { Subject } from '../scan/running-groups.ts';
import type { Overview } from './overview.ts';
import { firstOf } from './words.ts';

/** Images of namespaces. */
const ROWS = 1000;
const LISTED = 3;
const TEXT_MOST = 500;
const ORDER: readonly Outcome[] = ['denied', 'error', 'allowed'];

/** What is known of what runs. */
export interface Judged {
  readonly state: 'known' | 'unknown' | 'off';
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Not decided about yet. */
  readonly waiting: number;
  /** What needs attention first, as many as are shown. */
  readonly rows: readonly Row[];
}

interface Row {
  readonly subject: Subject;
  readonly outcome: Outcome;
  readonly code: VerdictCode;
}

/** One pass, and nothing is sorted that isn't shown: there may be more images than anybody reads. */
export function judge({ running, configuration }: Pick<Overview, 'running' | 'configuration'>): Judged {
  const byOutcome: Record<Outcome, Row[]> = { denied: [], error: [], allowed: [] };
  const counts: Record<Outcome, number> = { denied: 0, error: 0, allowed: 0 };
  let waiting = 0;
  for (const subject of running?.subjects ?? []) {
    const found = resultOf(subject, configuration.unmatchedImages === 'Allow');
    if (found === undefined) waiting += 1;
    else {
      counts[found.outcome] += 1;
      if (byOutcome[found.outcome].length < ROWS) byOutcome[found.outcome].push({ subject, ...found });
    }
  }
  const rows = ORDER.flatMap((outcome) => byOutcome[outcome]).slice(0, ROWS);
  const unknown = configuration.backgroundScan.enabled ? 'unknown' : 'off';
  return { state: running === undefined ? unknown : 'known', counts, waiting, rows };
}

/** The scan asks nothing about images that no policy covers: the configuration says what becomes of them. */
function resultOf({ result, policies, context }: Subject, unmatchedAllowed: boolean): Omit<Row, 'subject'> | undefined {
  if (result !== undefined) return result;
  if (policies.length > 0 || context === undefined) return undefined;
  return { outcome: unmatchedAllowed ? 'allowed' : 'denied', code: 'NoPolicy' };
}

export function runningSection({ state, counts, waiting, rows }: Judged): string {
  if (state !== 'known') {
    const text =
      state === 'off'
        ? 'Nobody looks at it: backgroundScan.enabled is false.'
        : 'It is looked at once Pods and policies are known.';
    return `<section id="running">\n<h2>What runs</h2>\n<p class="soft">${text}</p>\n</section>`;
  }
  const all = counts.denied + counts.error + counts.allowed;
  const more = all - rows.length;
  const groups = [...Map.groupBy(rows, ({ subject }) => subject.source.namespace)].toSorted(([a], [b]) =>
    compareTexts(a, b),
  );
  return `<section id="running">
<h2>What runs</h2>
<p class="soft">As it would be judged if it were created now. What runs goes on, whatever its verdict.${waitingText(waiting)}</p>
${outcomeFilter(counts)}
${searchBox('Search namespaces, Pods, images, policies')}
<div class="judged">
${groups.map(([namespace, own]) => table(namespace, own)).join('\n')}
</div>
${more > 0 ? `<p class="soft">And ${more} more, of which all that fit are shown, the worst first. All of it: cosignet scan</p>` : ''}
</section>`;
}

function waitingText(waiting: number): string {
  return waiting === 0 ? '' : ` ${waiting} more: not checked yet.`;
}

function table(namespace: string, rows: readonly Row[]): string {
  const sorted = rows.toSorted(
    (a, b) =>
      ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || compareTexts(a.subject.firstPod, b.subject.firstPod),
  );
  return namespaceTable({ namespace, heading: 'Pod', count: String(rows.length), rows: sorted.map(tableRow) });
}

function tableRow({ subject, outcome, code }: Row): NamespaceRow {
  const { firstPod, pods, image, policies, result } = subject;
  const more = pods === 1 ? '' : ` <span class="soft">and ${pods - 1} more</span>`;
  const refusing = policies.filter(({ name }) => result?.refusedBy.includes(name));
  const mode = strictestMode(refusing);
  const admitted = outcome === 'allowed' || mode === 'Enforce' ? '' : `, admitted in mode ${mode}`;
  const names = firstOf(
    (outcome === 'allowed' ? policies : refusing).map(({ name }) => name),
    LISTED,
  );
  return {
    outcome,
    code,
    user: `${escaped(firstPod)}${more}`,
    image: escaped(withoutDigest(oneLine(image, TEXT_MOST))),
    note: names === '' ? '' : ` <span class="soft">${escaped(names)}${admitted}</span>`,
  };
}
