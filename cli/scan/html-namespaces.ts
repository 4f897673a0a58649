// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import { withoutDigest, WORDS } from '../../core/page/outcomes.ts';
import { counted, type ScannedImage } from './report.ts';

interface Row {
  /** `Deployment web`, or a Pod's name. */
  readonly workload: string;
  readonly item: ScannedImage;
  readonly id: string;
  readonly pods: number;
}

/** What each namespace runs, by workload; every image points to where its verdict stands. Empty: nothing runs. */
export function namespaceTables(images: readonly ScannedImage[], idOf: (index: number) => string): string {
  const namespaces = new Map<string, Map<string, Row>>();
  for (const [index, item] of images.entries()) {
    for (const { namespace, name, workload = name } of item.pods) {
      const rows = namespaces.get(namespace) ?? new Map<string, Row>();
      namespaces.set(namespace, rows);
      const key = JSON.stringify([workload, index]);
      rows.set(key, { workload, item, id: idOf(index), pods: (rows.get(key)?.pods ?? 0) + 1 });
    }
  }
  if (namespaces.size === 0) return '';
  const tables = [...namespaces]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([namespace, rows]) => table(namespace, [...rows.values()].toSorted(byWorkload)));
  return `<section>\n<h2>By namespace</h2>\n${tables.join('\n')}\n</section>`;
}

function byWorkload(a: Row, b: Row): number {
  return a.workload < b.workload ? -1 : Number(a.workload > b.workload);
}

function table(namespace: string, rows: readonly Row[]): string {
  const failing = rows.filter(({ item }) => item.verdict.outcome !== 'allowed').length;
  const count = failing === 0 ? 'all allowed' : `${failing} of ${counted(rows.length, 'image')} not allowed`;
  return `<details${failing === 0 ? '' : ' open=""'}>
<summary>${escaped(namespace)} <span class="soft">${count}</span></summary>
<table>
<thead><tr><th scope="col">Workload</th><th scope="col">Image</th><th scope="col">Verdict</th></tr></thead>
<tbody>
${rows.map(row).join('\n')}
</tbody>
</table>
</details>`;
}

function row({ workload, item, id, pods }: Row): string {
  const { outcome, image, code } = item.verdict;
  const count = pods === 1 ? '' : ` <span class="soft">${pods} Pods</span>`;
  return `<tr class="${outcome}"><td>${escaped(workload)}${count}</td><td><a href="#${id}">${escaped(withoutDigest(image))}</a></td><td><strong>${WORDS[outcome]}</strong> ${code}</td></tr>`;
}
