// SPDX-License-Identifier: Apache-2.0
import { escaped, facts } from '../../core/page/markup.ts';
import { withoutDigest, WORDS } from '../../core/page/outcomes.ts';
import { factsOf } from '../../core/verdict-codes.ts';
import type { Verdict } from '../../core/verdict/types.ts';
import { placesText, podsText, type ScannedImage } from './report.ts';

const SHOWN = 10;
/** What a shell takes as it is: a name that says more to it gets no command that somebody might copy. */
const PLAIN_IMAGE = /^[a-z0-9][\w./:@-]*$/i;
const PLAIN_NAMESPACE = /^[a-z0-9][a-z0-9-]*$/;

/** One image and all that is to say of it, as a list item. `id`: what the tables point to. */
export function card({ verdict, pods, places = [] }: ScannedImage, id: string): string {
  const { image, outcome, code, mode } = verdict;
  const admitted = outcome === 'allowed' || mode === 'Enforce' ? '' : `<span>admitted in mode ${mode}</span>`;
  return `<li class="${outcome}" id="${id}">
<p class="verdict"><strong>${WORDS[outcome]}</strong> <span>${code}</span> ${admitted}</p>
<h3>${escaped(withoutDigest(image))}</h3>
<p>${escaped(factsOf(code).summary)}</p>${reason(verdict)}
<dl>${factsOfImage({ verdict, pods, places })}</dl>${command({ verdict, pods })}
</li>`;
}

function reason({ outcome, message, remedy }: Verdict): string {
  const todo = remedy === '' ? '' : `<p><b>To do:</b> ${escaped(remedy)}</p>`;
  return outcome === 'allowed' ? todo : `${todo}<p class="soft">${escaped(message)}</p>`;
}

function factsOfImage({ verdict, pods, places = [] }: ScannedImage): string {
  const { policies, resolved, signers } = verdict;
  const rows = [
    ['Policy', policies.join(', ') || 'none'],
    ['Digest', /@(sha256:[0-9a-f]{64})$/.exec(resolved ?? verdict.image)?.[1] ?? ''],
    ['Signed by', signers.map(({ name, fingerprint }) => `${name} (${fingerprint})`).join(', ')],
    [pods.length === 1 ? 'Pod' : `Pods (${pods.length})`, podsText(pods, SHOWN)],
    ['Written in', placesText(places, SHOWN)],
  ] as const;
  return facts(rows.map(([name, text]) => [name, escaped(text)]));
}

/** With which whoever reads this sees the verdict for himself. */
function command({ verdict, pods }: ScannedImage): string {
  const { image, outcome } = verdict;
  const namespace = pods[0]?.namespace;
  if (outcome === 'allowed' || !PLAIN_IMAGE.test(image)) return '';
  if (namespace !== undefined && !PLAIN_NAMESPACE.test(namespace)) return '';
  const where = namespace === undefined ? '' : `--namespace ${namespace} `;
  const line = `cosignet verify ${where}${image}`;
  return `\n<p class="command"><code>${escaped(line)}</code> <button type="button" hidden="">Copy</button></p>`;
}
