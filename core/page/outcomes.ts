// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../verdict-codes.ts';
import { escaped } from './markup.ts';

export const WORDS: Readonly<Record<Outcome, string>> = {
  denied: 'Denied',
  error: 'Not checked',
  allowed: 'Allowed',
};

export const FOOTNOTE = `<p>Denied: the evidence was read and is not good enough. Not checked: it could not be read. With mode Enforce, Cosignet
refuses both; with Warn or Audit it admits them.</p>`;

/** Shows one outcome of what is in `.judged`, without a script. */
export function outcomeFilter(counts: Readonly<Record<Outcome, number>>): string {
  const { denied, error, allowed } = counts;
  return `<fieldset>
<legend>Show</legend>
${choice('all', denied + error + allowed, 'All')}
${choice('denied', denied, WORDS.denied)}
${choice('error', error, WORDS.error)}
${choice('allowed', allowed, WORDS.allowed)}
</fieldset>`;
}

/** With a script only. */
export function searchBox(label: string): string {
  const text = escaped(label);
  return `<p class="search" hidden=""><input type="search" id="search" aria-label="${text}" placeholder="${text}"> <span id="found" role="status"></span></p>`;
}

/** The digest has a line of its own, or a place in the title. */
export function withoutDigest(image: string): string {
  return image.replace(/@sha256:[0-9a-f]{64}$/, '');
}

function choice(name: 'all' | Outcome, count: number, word: string): string {
  const style = name === 'all' ? '' : ` class="${name}"`;
  const checked = name === 'all' ? ' checked' : '';
  return `<label${style}><input type="radio" name="show" id="show-${name}"${checked}><b>${count}</b> ${word}</label>`;
}
