// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import type { Outcome } from '../../core/verdict-codes.ts';
import { escaped } from '../output/markup.ts';
import { VERSION } from '../output/version.ts';
import { card, WORDS } from './html-card.ts';
import { namespaceTables } from './html-namespaces.ts';
import { SCRIPT } from './html-script.ts';
import { STYLE } from './html-style.ts';
import { summaryText, type ScanReport } from './report.ts';

/** Nothing is loaded, whatever an image is called: only this one style counts, and this one script. */
const POLICY = `default-src 'none'; style-src '${hashOf(STYLE)}'; script-src '${hashOf(SCRIPT)}'; base-uri 'none'; form-action 'none'`;

/** One file that needs no other and no network; its filter is CSS. Each image stands on it once. */
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
<p class="search" hidden=""><input type="search" id="search" aria-label="Search images, namespaces, policies" placeholder="Search images, namespaces, policies"> <span id="found" role="status"></span></p>
<section>
<h2>By image</h2>
<ol>
${images.map((item, index) => card(item, idOf(index))).join('\n')}
</ol>
</section>
${namespaceTables(images, idOf)}
</main>
<footer>
<p>Denied: the evidence was read and is not good enough. Not checked: it could not be read. With mode Enforce, Cosignet
refuses both; with Warn or Audit it admits them.</p>
<p>Cosignet ${escaped(VERSION)}</p>
</footer>
<script>${SCRIPT}</script>
</body>
</html>`;
}

function idOf(index: number): string {
  return `image-${index}`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

function filter(name: 'all' | Outcome, count: number, word: string): string {
  const style = name === 'all' ? '' : ` class="${name}"`;
  const checked = name === 'all' ? ' checked' : '';
  return `<label${style}><input type="radio" name="show" id="show-${name}"${checked}><b>${count}</b> ${word}</label>`;
}
