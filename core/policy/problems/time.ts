// SPDX-License-Identifier: Apache-2.0
import type { Report } from './report.ts';

/** Milliseconds since the epoch. A time that can't be read is reported: it must not become "no limit". */
export function reportedTime(text: string | undefined, path: string, report: Report): number | undefined {
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  report.add('InvalidSpec', path, 'not a time (RFC 3339), for instance 2026-01-31T00:00:00Z');
  return undefined;
}

/** As policies and their status have it, in whole seconds: `2026-01-31T00:00:00Z`. */
export function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
