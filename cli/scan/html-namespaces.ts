// SPDX-License-Identifier: Apache-2.0
import { escaped } from '../../core/page/markup.ts';
import { namespaceTable, type NamespaceRow } from '../../core/page/namespace-table.ts';
import { withoutDigest } from '../../core/page/outcomes.ts';
import { compareTexts, counted } from '../../core/text.ts';
import type { ScannedImage } from './report.ts';

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
    .toSorted(([a], [b]) => compareTexts(a, b))
    .map(([namespace, rows]) => table(namespace, [...rows.values()].toSorted(byWorkload)));
  return `<section>\n<h2>By namespace</h2>\n${tables.join('\n')}\n</section>`;
}

function byWorkload(a: Row, b: Row): number {
  return compareTexts(a.workload, b.workload);
}

function table(namespace: string, rows: readonly Row[]): string {
  const count = counted(rows.length, 'image');
  return namespaceTable({ namespace, heading: 'Workload', count, rows: rows.map(tableRow) });
}

function tableRow({ workload, item, id, pods }: Row): NamespaceRow {
  const { outcome, image, code } = item.verdict;
  const count = pods === 1 ? '' : ` <span class="soft">${pods} Pods</span>`;
  const link = `<a href="#${id}">${escaped(withoutDigest(image))}</a>`;
  return { outcome, code, user: `${escaped(workload)}${count}`, image: link };
}
