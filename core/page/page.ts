// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { escaped } from './markup.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** Parts of a page; all but the title are markup, in which text from outside is escaped already. */
export interface Page {
  readonly title: string;
  readonly header: string;
  readonly main: string;
  readonly footer: string;
}

/** Nothing is loaded, whatever an image is called: only this one style counts, and this one script. */
export const CONTENT_POLICY = `default-src 'none'; style-src '${hashOf(STYLE)}'; script-src '${hashOf(SCRIPT)}'; base-uri 'none'; form-action 'none'`;

/** One file that needs no other and no network; its filter is CSS. */
export function htmlPage({ title, header, main, footer }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${CONTENT_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
${header}
</header>
<main>
${main}
</main>
<footer>
${footer}
</footer>
<script>${SCRIPT}</script>
</body>
</html>`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
