// SPDX-License-Identifier: Apache-2.0
import { printable } from '../../core/text.ts';
import { factsOf } from '../../core/verdict-codes.ts';
import { placesText, podsText, summaryText, type ScannedImage, type ScanReport } from './report.ts';

/** Where there is no screen; and what a line needs where there is one. */
const WIDTH = { usual: 100, least: 60 };
const OUTCOME = 9;
const PODS = 6;
const PODS_SHOWN = 3;

/** As wide as the screen, `columns`: a line for each image, and below those that fail why, and who runs them. */
export function tableText({ images, summary }: ScanReport, columns?: number): string {
  const width = columns === undefined ? WIDTH.usual : Math.max(columns, WIDTH.least);
  if (images.length === 0) return summaryText(summary);
  const code = Math.max('CODE'.length, ...images.map(({ verdict }) => verdict.code.length)) + 2;
  const header = `${'OUTCOME'.padEnd(OUTCOME)}${'CODE'.padEnd(code)}${'PODS'.padEnd(PODS)}IMAGE`;
  const lines = images.flatMap((item) => [...rowOf(item, code, width), ...reasonOf(item, width)]);
  return [header, ...lines, '', ...wrapped(summaryText(summary), width)].join('\n');
}

function rowOf({ verdict, pods }: ScannedImage, codeWidth: number, width: number): string[] {
  const indent = OUTCOME + codeWidth + PODS;
  const [first = '', ...rest] = wrapped(printable(shortened(verdict.image)), width - indent);
  const cells =
    verdict.outcome.padEnd(OUTCOME) + verdict.code.padEnd(codeWidth) + String(pods.length || '-').padEnd(PODS);
  return [cells + first, ...rest.map((line) => ' '.repeat(indent) + line)];
}

function reasonOf({ verdict, pods, places = [] }: ScannedImage, width: number): string[] {
  const { outcome, code, mode, policies, remedy } = verdict;
  if (outcome === 'allowed') return [];
  const who = policies.length === 0 ? '' : ` Policy: ${policies.join(', ')} (${mode}).`;
  const running = pods.length === 0 ? '' : ` Runs in ${podsText(pods, PODS_SHOWN)}.`;
  const written = places.length === 0 ? '' : ` Written in ${placesText(places, PODS_SHOWN)}.`;
  const texts = [`${factsOf(code).summary}${who}${running}${written}`, ...(remedy === '' ? [] : [remedy])];
  return texts.flatMap((text) => wrapped(printable(text), width - 2).map((line) => `  ${line}`));
}

/** Twelve digits tell digests apart; the other formats have them whole. */
function shortened(image: string): string {
  return image.replace(/@sha256:([0-9a-f]{12})[0-9a-f]{52}$/, '@sha256:$1…');
}

/** At spaces where there are some, else wherever the line ends: nothing of a name is lost. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  // Characters, not code units: a name may hold anything.
  let rest = Array.from(text);
  while (rest.length > width) {
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(rest.slice(0, end).join(''));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  return [...lines, rest.join('')];
}
