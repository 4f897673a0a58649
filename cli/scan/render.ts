// SPDX-License-Identifier: Apache-2.0
import { documentedVerdict } from '../../core/verdict/verdict-text.ts';
import { htmlPage } from './html.ts';
import { junitXml } from './junit.ts';
import type { ScanReport } from './report.ts';
import { sarifJson } from './sarif.ts';
import { tableText } from './table.ts';

export const SCAN_FORMATS = ['table', 'json', 'junit', 'sarif', 'html'] as const;

export type ScanFormat = (typeof SCAN_FORMATS)[number];

const RENDERERS: Readonly<Record<ScanFormat, (report: ScanReport) => string>> = {
  table: tableText,
  json: reportJson,
  junit: junitXml,
  sarif: sarifJson,
  html: htmlPage,
};

function reportJson({ images, summary }: ScanReport): string {
  const shown = images.map((image) => ({ ...image, verdict: documentedVerdict(image.verdict) }));
  return JSON.stringify({ images: shown, summary }, null, 2);
}

/** The report's text, without a line break at its end. */
export function renderReport(report: ScanReport, format: ScanFormat): string {
  return RENDERERS[format](report);
}
