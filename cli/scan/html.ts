// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../../core/verdict-codes.ts';
import { createHash } from 'node:crypto';
import type { Verdict } from '../../core/verdict/types.ts';
import { VERSION } from '../output/version.ts';
import { factsOf } from '../../core/verdict-codes.ts';
import { STYLE } from './html-style.ts';
import { escaped } from '../output/markup.ts';
import { podsText, summaryText, type ScannedImage, type ScanReport } from './report.ts';

const PODS_SHOWN = 10;
const WORDS: Readonly<Record<Outcome, string>> = { denied: 'Denied', error: 'Not checked', allowed: 'Allowed' };
/** Nothing is loaded and nothing runs, whatever an image is called: only this one style counts. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`;

/** One file that needs no other and no network; its filter is CSS. */
export function htmlPage({ images, summary }: ScanReport): string {
  const { denied, undecided, allowed, source, scannedAt } = summary;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Cosignet scan: ${escaped(summaryText(summary))}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>Images and their signatures</h1>
<p>${escaped(summaryText(summary))}.</p>
<p class="soft">${escaped(source)}, <time datetime="${escaped(scannedAt)}">${escaped(scannedAt.replace(/T(\d\d:\d\d).*/, ' $1 UTC'))}</time></p>
</header>
<main>
<fieldset>
<legend>Show</legend>
${filter('all', images.length, 'All')}
${filter('denied', denied, WORDS.denied)}
${filter('error', undecided, WORDS.error)}
${filter('allowed', allowed, WORDS.allowed)}
</fieldset>
<ol>
${images.map(card).join('\n')}
</ol>
</main>
<footer>
<p>Denied: the evidence was read and is not good enough. Not checked: it could not be read. With mode Enforce, Cosignet
refuses both; with Warn or Audit it admits them.</p>
<p>Cosignet ${escaped(VERSION)}</p>
</footer>
</body>
</html>`;
}

function filter(name: 'all' | Outcome, count: number, word: string): string {
  const style = name === 'all' ? '' : ` class="${name}"`;
  const checked = name === 'all' ? ' checked' : '';
  return `<label${style}><input type="radio" name="show" id="show-${name}"${checked}><b>${count}</b> ${word}</label>`;
}

function card({ verdict, pods }: ScannedImage): string {
  const { image, outcome, code, mode } = verdict;
  const admitted = outcome === 'allowed' || mode === 'Enforce' ? '' : `<span>admitted in mode ${mode}</span>`;
  return `<li class="${outcome}">
<p class="verdict"><strong>${WORDS[outcome]}</strong> <span>${code}</span> ${admitted}</p>
<h2>${escaped(withoutDigest(image))}</h2>
<p>${escaped(factsOf(code).summary)}</p>${reason(verdict)}
<dl>${facts({ verdict, pods })}</dl>
</li>`;
}

/** It has a line of its own. */
function withoutDigest(image: string): string {
  return image.replace(/@sha256:[0-9a-f]{64}$/, '');
}

function reason({ outcome, message, remedy }: Verdict): string {
  const todo = remedy === '' ? '' : `<p><b>To do:</b> ${escaped(remedy)}</p>`;
  return outcome === 'allowed' ? todo : `${todo}<p class="soft">${escaped(message)}</p>`;
}

function facts({ verdict, pods }: ScannedImage): string {
  const { policies, resolved, signers } = verdict;
  const rows = [
    ['Policy', policies.join(', ') || 'none'],
    ['Digest', /@(sha256:[0-9a-f]{64})$/.exec(resolved ?? verdict.image)?.[1] ?? ''],
    ['Signed by', signers.map(({ name, fingerprint }) => `${name} (${fingerprint})`).join(', ')],
    [pods.length === 1 ? 'Pod' : `Pods (${pods.length})`, podsText(pods, PODS_SHOWN)],
  ] as const;
  return rows
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `<dt>${name}</dt><dd>${escaped(text)}</dd>`)
    .join('');
}
