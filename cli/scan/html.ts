// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import { FOOTNOTE, outcomeFilter, searchBox } from '../../core/page/outcomes.ts';
import { htmlPage } from '../../core/page/page.ts';
import { VERSION } from '../output/version.ts';
import { card } from './html-card.ts';
import { namespaceTables } from './html-namespaces.ts';
import { summaryText, type ScanReport } from './report.ts';

/** One file that needs no other and no network. Each image stands on it once. */
export function scanPage({ images, summary }: ScanReport): string {
  const { denied, undecided, allowed, source, scannedAt } = summary;
  return htmlPage({
    title: `Cosignet scan: ${summaryText(summary)}`,
    header: `<h1>Images and their signatures</h1>
<p>${escaped(summaryText(summary))}.</p>
<p class="soft">${escaped(source)}, <time datetime="${escaped(scannedAt)}">${escaped(scannedAt.replace(/T(\d\d:\d\d).*/, ' $1 UTC'))}</time></p>`,
    main: `${outcomeFilter({ denied, error: undecided, allowed })}
${searchBox('Search images, namespaces, policies')}
<div class="judged">
<section>
<h2>By image</h2>
<ol>
${images.map((item, index) => card(item, idOf(index))).join('\n')}
</ol>
</section>
${namespaceTables(images, idOf)}
</div>`,
    footer: `${FOOTNOTE}
<p>Cosignet ${escaped(VERSION)}</p>`,
  });
}

function idOf(index: number): string {
  return `image-${index}`;
}
