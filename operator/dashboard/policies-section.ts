// SPDX-License-Identifier: Apache-2.0
import { escaped, facts } from '../../core/page/markup.ts';
import { compareTexts, counted, oneLine } from '../../core/text.ts';
import { demandOf } from '../../core/verdict/denial.ts';
import type { AffectedStatus } from '../../core/policy/documents/image-policy.gen.ts';
import { hasExpired } from '../../core/policy/lifetime.ts';
import type { Overview, PolicyView } from './overview.ts';
import { firstOf } from './words.ts';

const POLICIES = 200;
const LISTED = 8;
const PROBLEMS = 5;
const SAMPLES = 5;
const TEXT_MOST = 500;

/** What needs attention first. */
export function policiesSection({ policies, now }: Pick<Overview, 'policies' | 'now'>): string {
  const shown = policies
    .map((view) => ({ view, urgency: urgencyOf(view) }))
    .toSorted((a, b) => b.urgency - a.urgency || compareTexts(a.view.compiled.name, b.view.compiled.name))
    .slice(0, POLICIES)
    .map(({ view }) => card(view, now));
  const more = policies.length - shown.length;
  return `<section id="policies">
<h2>Policies</h2>
${shown.length === 0 ? '<p class="soft">There are none.</p>' : `<ol class="cards">\n${shown.join('\n')}\n</ol>`}
${more > 0 ? `<p class="soft">And ${more} more: kubectl get imagepolicies,namespacedimagepolicies -A</p>` : ''}
</section>`;
}

/** One that is not Ready denies its images; then those that would deny most. */
function urgencyOf({ compiled, affected }: PolicyView): number {
  return compiled.problems.length > 0 ? Infinity : (affected?.wouldDeny ?? 0);
}

function card({ policy, compiled, affected }: PolicyView, now: number): string {
  const { action, mode, problems, signers, patterns } = compiled;
  const isReady = problems.length === 0;
  const images = patterns.map(({ source }) => oneLine(source, TEXT_MOST));
  const kind = compiled.namespace === undefined ? '' : `<span>of namespace ${escaped(compiled.namespace)}</span>`;
  const rows = [
    ['Images', escaped(firstOf(images, LISTED))],
    ['Requires', action === 'Verify' && signers.length > 0 ? escaped(demandOf(compiled)) : ''],
    [
      'Attestations',
      escaped(
        firstOf(
          compiled.attestations.map((demand) => demand.name),
          LISTED,
        ),
      ),
    ],
    ['What runs', effectText(affected)],
    [
      'Some',
      escaped(
        firstOf(
          (affected?.sample ?? []).map((text) => oneLine(text, TEXT_MOST)),
          SAMPLES,
        ),
      ),
    ],
    [
      'Problem',
      escaped(
        firstOf(
          problems.map(({ path, message }) => oneLine(`${path}: ${message}`, TEXT_MOST)),
          PROBLEMS,
        ),
      ),
    ],
  ] as const;
  const shownMode = action === 'Allow' ? '' : `<span>${mode}</span>`;
  const expired = hasExpired(compiled, now) ? '<span>expired</span>' : '';
  return `<li class="${isReady ? 'allowed' : 'denied'}">
<p class="verdict"><strong>${isReady ? 'Ready' : 'Not ready'}</strong> <span>${action}</span> ${shownMode} ${expired}${kind}</p>
<h3>${escaped(policy.metadata.name)}</h3>
<dl>${facts(rows)}</dl>
</li>`;
}

function effectText(affected: AffectedStatus | undefined): string {
  if (affected === undefined) return '';
  const { wouldDeny, undecided = 0 } = affected;
  if (wouldDeny === 0 && undecided === 0) return 'It would deny none of it.';
  const unclear = undecided === 0 ? '' : `; ${counted(undecided, 'Pod')} could not be checked`;
  return `<b>It would deny ${counted(wouldDeny, 'Pod')}</b>${unclear}`;
}
