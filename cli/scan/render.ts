// SPDX-License-Identifier: Apache-2.0
import { documentedVerdict } from '../../core/verdict/verdict-text.ts';
import { documentText } from '../output/document.ts';
import { scanPage } from './html.ts';
import { junitXml } from './junit.ts';
import type { ScanReport } from './report.ts';
import { sarifJson } from './sarif.ts';
import { tableText } from './table.ts';

export const SCAN_FORMATS = ['table', 'json', 'yaml', 'junit', 'sarif', 'html'] as const;

export type ScanFormat = (typeof SCAN_FORMATS)[number];

const RENDERERS: Readonly<Record<ScanFormat, (report: ScanReport, columns?: number) => string>> = {
  table: tableText,
  json: (report) => documentText(reportDocument(report), 'json'),
  yaml: (report) => documentText(reportDocument(report), 'yaml'),
  junit: junitXml,
  sarif: sarifJson,
  html: scanPage,
};

function reportDocument({ images, summary }: ScanReport): object {
  const shown = images.map((image) => ({ ...image, verdict: documentedVerdict(image.verdict) }));
  return { images: shown, summary };
}

/** The report's text, without a line break at its end; `columns`: of the screen, where there is one. */
export function renderReport(report: ScanReport, format: ScanFormat, columns?: number): string {
  return RENDERERS[format](report, columns);
}
