// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import type { RecentDenial } from './recent-denials.ts';
import { timeTag } from './words.ts';

export function denialsSection(denials: readonly RecentDenial[]): string {
  return `<section id="denials">
<h2>Recent denials</h2>
<p class="soft">What this replica refused since it started, the latest of each namespace. Other replicas have their own, and Events tell of all:
<code>kubectl get events -A --field-selector type=Warning</code></p>
${denials.length === 0 ? '<p>None.</p>' : `<ol>\n${denials.map(card).join('\n')}\n</ol>`}
</section>`;
}

function card({ at, count, namespace, object, code, text }: RecentDenial): string {
  const times = count === 1 ? '' : `<span>${count} times</span>`;
  return `<li class="denied">
<p class="verdict"><strong>${code}</strong> ${timeTag(at)} ${times}</p>
<h3>${escaped(`${object} in ${namespace}`)}</h3>
<p>${escaped(text)}</p>
</li>`;
}
