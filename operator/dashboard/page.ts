// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import { FOOTNOTE } from '../../core/page/outcomes.ts';
import { htmlPage } from '../../core/page/page.ts';
import { counted } from '../../core/text.ts';
import { denialsSection } from './denials-section.ts';
import type { Overview } from './overview.ts';
import { policiesSection } from './policies-section.ts';
import { judge, runningSection, type Judged } from './running-section.ts';
import { timeTag } from './words.ts';

/** What this replica knows, on one page; every list on it has a bound, and says what it leaves out. */
export function dashboardPage(overview: Overview): string {
  const judged = judge(overview);
  return htmlPage({
    title: 'Cosignet',
    header: header(overview),
    main: `${tiles(overview, judged)}
${policiesSection(overview)}
${runningSection(judged)}
${denialsSection(overview.denials)}`,
    footer: `${FOOTNOTE}
<p>Cosignet ${escaped(overview.version)}. Nothing can be changed here.</p>`,
  });
}

function header({ identity, leads, now }: Overview): string {
  const role = leads
    ? 'It leads.'
    : 'It does not lead: the leading replica looks at what runs more often, so that verdicts here may be older.';
  return `<h1>Cosignet</h1>
<p class="soft">Replica ${escaped(identity)} as of ${timeTag(now)}. ${role} <a href="/">Reload</a></p>`;
}

interface Tile {
  readonly href: string;
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly tone: '' | 'denied' | 'error' | 'allowed';
}

function tiles(overview: Overview, judged: Judged): string {
  const all = [policyTile(overview), runningTile(judged), denialTile(overview)];
  return `${state(overview)}
<nav aria-label="Sections">
${all.map(tile).join('\n')}
</nav>`;
}

function tile({ href, name, value, note, tone }: Tile): string {
  const style = tone === '' ? '' : ` class="${tone}"`;
  return `<a href="#${href}"${style}><b>${value}</b> ${name} <span>${note}</span></a>`;
}

/** What keeps images from being checked, or refused, at all. */
function state({ notReady, notInForce, configuration }: Overview): string {
  const faults = [
    ...notReady.map((reason) => `This replica answers no reviews: ${reason}.`),
    ...notInForce.map((reason) => `API servers do not ask about every Pod: ${reason}.`),
  ];
  const lines = [
    ...faults.map((text) => `<p class="state denied"><strong>Attention</strong> ${escaped(text)}</p>`),
    ...(configuration.enforcement === 'Audit'
      ? ['<p class="state error"><strong>Audit</strong> The configuration admits everything and only records.</p>']
      : []),
  ];
  if (lines.length > 0) return lines.join('\n');
  return '<p class="state allowed"><strong>In force</strong> API servers ask about every Pod, and this replica answers.</p>';
}

function policyTile({ policies }: Overview): Tile {
  const broken = policies.filter(({ compiled }) => compiled.problems.length > 0).length;
  const note = broken === 0 ? 'all ready' : `${broken} not ready`;
  const tone = broken === 0 ? '' : 'denied';
  return policies.length === 0
    ? { href: 'policies', name: 'Policies', value: '0', note: 'none covers any image', tone: 'error' }
    : { href: 'policies', name: 'Policies', value: String(policies.length), note, tone };
}

function runningTile({ state: known, counts, waiting }: Judged): Tile {
  const base = { href: 'running', name: 'Running images' };
  if (known !== 'known')
    return { ...base, value: '–', note: known === 'off' ? 'not looked at' : 'not known yet', tone: '' };
  const { denied, error, allowed } = counts;
  const parts = [
    ...(denied > 0 ? [`${denied} denied`] : []),
    ...(error > 0 ? [`${error} not checked`] : []),
    ...(waiting > 0 ? [`${waiting} waiting`] : []),
  ];
  const tone = denied > 0 ? 'denied' : error > 0 ? 'error' : '';
  return { ...base, value: String(denied + error + allowed + waiting), note: parts.join(', ') || 'all allowed', tone };
}

function denialTile({ denials }: Overview): Tile {
  const times = denials.reduce((sum, { count }) => sum + count, 0);
  const note = times === denials.length ? 'by this replica' : `${counted(times, 'time')}, by this replica`;
  return { href: 'denials', name: 'Recent denials', value: String(denials.length), note, tone: '' };
}
