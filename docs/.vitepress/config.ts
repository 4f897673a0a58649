// SPDX-License-Identifier: Apache-2.0
// The pages of docs/ as a site: `make docs-site`. A link that leads nowhere fails the build.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig } from 'vitepress';

const docs = path.resolve(import.meta.dirname, '..');
/** Where the sources can be read, ending with a slash; without it, what leads to a source is text and no link. */
const sources = process.env['SOURCES_URL'];

const SECTIONS = [
  ['tutorial', 'Tutorial'],
  ['how-to', 'How to'],
  ['reference', 'Reference'],
  ['explanation', 'Explanation'],
  ['decisions', 'Decisions'],
] as const;

/** The first heading of a page. */
function titleOf(file: string): string {
  return /^# (.*)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.replaceAll('`', '') ?? path.basename(file);
}

function pagesOf(folder: string) {
  return readdirSync(path.join(docs, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => ({ text: titleOf(path.join(docs, folder, name)), link: `/${folder}/${name.replace(/\.md$/, '')}` }))
    .toSorted((a, b) => a.text.localeCompare(b.text));
}

const pages = SECTIONS.map(([folder, text]) => ({ text, collapsed: false, items: pagesOf(folder) }));

export default defineConfig({
  title: 'Cosignet',
  description: 'Only images signed with cosign run.',
  lang: 'en',
  outDir: path.resolve(docs, '../dist/docs'),
  cacheDir: path.resolve(docs, '../.cache/docs'),
  rewrites: { 'decisions/README.md': 'decisions/index.md' },
  // Fonts and search are in the site: a reader asks nobody else.
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    sidebar: pages,
    nav: pages.map(({ text, items }) => ({ text, link: items[0]?.link ?? '/' })),
  },
  markdown: {
    config(markdown) {
      markdown.core.ruler.push('links-to-sources', ({ tokens, env }) => {
        for (const token of tokens) rewriteLinks(token.children ?? [], path.join(docs, path.dirname(env.relativePath)));
      });
    },
  },
});

interface Token {
  type: string;
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
  hidden: boolean;
  tag: string;
}

/** Links that leave docs/ lead to the sources, where somebody serves them. */
function rewriteLinks(tokens: Token[], folder: string): void {
  let isText = false;
  for (const token of tokens) {
    if (token.type === 'link_close' && isText) {
      token.tag = 'span';
      isText = false;
    }
    if (token.type !== 'link_open') continue;
    const href = token.attrGet('href') ?? '';
    const target = path.relative(path.dirname(docs), path.resolve(folder, href));
    if (/^(?:[a-z]+:|#)/.test(href) || target.startsWith('docs/')) continue;
    if (sources === undefined) {
      token.tag = 'span';
      token.attrSet('href', '');
      token.type = 'span_open';
      isText = true;
    } else token.attrSet('href', `${sources}${target}`);
  }
}
