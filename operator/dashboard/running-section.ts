// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import { outcomeFilter, searchBox, withoutDigest, WORDS } from '../../core/page/outcomes.ts';
import { oneLine } from '../../core/text.ts';
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
    compare(a, b),
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
  const failing = rows.filter(({ outcome }) => outcome !== 'allowed').length;
  const count = failing === 0 ? 'all allowed' : `${failing} of ${rows.length} not allowed`;
  const sorted = rows.toSorted(
    (a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || compare(a.subject.firstPod, b.subject.firstPod),
  );
  return `<details${failing === 0 ? '' : ' open=""'}>
<summary>${escaped(namespace)} <span class="soft">${count}</span></summary>
<table>
<thead><tr><th scope="col">Pod</th><th scope="col">Image</th><th scope="col">Verdict</th></tr></thead>
<tbody>
${sorted.map(row).join('\n')}
</tbody>
</table>
</details>`;
}

function row({ subject, outcome, code }: Row): string {
  const { firstPod, pods, image, policies, result } = subject;
  const more = pods === 1 ? '' : ` <span class="soft">and ${pods - 1} more</span>`;
  const refusing = policies.filter(({ name }) => result?.refusedBy.includes(name));
  const mode = strictestMode(refusing);
  const admitted = outcome === 'allowed' || mode === 'Enforce' ? '' : `, admitted in mode ${mode}`;
  const names = firstOf(
    (outcome === 'allowed' ? policies : refusing).map(({ name }) => name),
    LISTED,
  );
  const by = names === '' ? '' : ` <span class="soft">${escaped(names)}${admitted}</span>`;
  const shown = withoutDigest(oneLine(image, TEXT_MOST));
  return `<tr class="${outcome}"><td>${escaped(firstPod)}${more}</td><td>${escaped(shown)}</td><td><strong>${WORDS[outcome]}</strong> ${code}${by}</td></tr>`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
