// SPDX-License-Identifier: Apache-2.0
// Draws the pictures of the documentation: `node docs/pictures/draw.ts`. A check draws them again and compares.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

const FOLDER = import.meta.dirname;
const ROOT = path.join(FOLDER, '..', '..');

interface Box {
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly lines?: readonly string[];
  readonly kind?: 'own' | 'good' | 'bad';
}

interface Arrow {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly text: string;
  /** Where the text begins; beside the middle unless given. */
  readonly at?: readonly [number, number];
}

const BOX = { width: 170, height: 74 };
const SANS = 'font-family="system-ui, sans-serif"';
const MONO = 'font-family="ui-monospace, monospace"';

const STYLE = `
    .paper { fill: #ffffff } .ink { fill: #1f2328 } .dim { fill: #59636e } .line { stroke: #59636e; fill: none }
    .box { fill: #f6f8fa; stroke: #d1d9e0 } .own { fill: #ddf4ff; stroke: #0969da } .good { fill: #dafbe1; stroke: #1a7f37 }
    .bad { fill: #ffebe9; stroke: #d1242f } .tip { fill: #59636e } .ok { fill: #1a7f37 } .no { fill: #d1242f }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117 } .ink { fill: #f0f6fc } .dim { fill: #9198a1 } .line { stroke: #9198a1 }
      .box { fill: #151b23; stroke: #3d444d } .own { fill: #121d2f; stroke: #4493f8 } .good { fill: #12261e; stroke: #3fb950 }
      .bad { fill: #25171c; stroke: #f85149 } .tip { fill: #9198a1 } .ok { fill: #3fb950 } .no { fill: #f85149 }
    }`;

/** The way of an image from `kubectl run` to a node. */
export function wayOfAnImage(): string {
  const boxes: readonly Box[] = [
    { x: 20, y: 40, title: 'kubectl, CI, GitOps', lines: ['app:1.2'] },
    { x: 285, y: 40, title: 'API server', lines: ['asks before it stores'] },
    { x: 285, y: 210, title: 'Cosignet webhook', lines: ['verifies signatures,', 'pins the digest'], kind: 'own' },
    { x: 20, y: 210, title: 'Cosignet operator', lines: ['compiles policies,', 'writes their status'], kind: 'own' },
    { x: 20, y: 370, title: 'ImagePolicy', lines: ['keys, image patterns'] },
    { x: 285, y: 370, title: 'Registry', lines: ['images, signatures'] },
    { x: 560, y: 40, title: 'Pod', lines: ['app:1.2@sha256:…', 'runs what was verified'], kind: 'good' },
    { x: 560, y: 210, title: 'Denied', lines: ['says why, and', 'whom to ask'], kind: 'bad' },
  ];
  const arrows: readonly Arrow[] = [
    { from: [190, 77], to: [285, 77], text: 'Pod', at: [222, 68] },
    { from: [345, 114], to: [345, 210], text: 'may it run?', at: [262, 166] },
    { from: [395, 210], to: [395, 114], text: 'verdict', at: [403, 166] },
    { from: [455, 77], to: [560, 77], text: 'signed', at: [486, 68] },
    { from: [455, 95], to: [560, 232], text: 'not signed', at: [522, 168] },
    { from: [105, 370], to: [105, 284], text: 'watched', at: [113, 332] },
    { from: [190, 247], to: [285, 247], text: 'in memory', at: [206, 238] },
    { from: [370, 284], to: [370, 370], text: '1 to 4 requests, then none', at: [378, 332] },
  ];
  return svg(
    { width: 750, height: 470, title: 'The way of an image: from kubectl to a Pod that runs what was verified' },
    [...arrows.map(arrow), ...boxes.map(box)],
  );
}

/** What `make demo` prints, as a terminal shows it. */
export function demoScreen(output: string): string {
  const lines = output.split('\n');
  const start = lines.findIndex((line) => line.startsWith('Signed images are admitted'));
  const shown = lines.slice(start).flatMap((line) => (line === '' ? [line] : cut(line, 118)));
  const rows = shown.map((line, index) => {
    const y = 34 + index * 17;
    const kind = line.startsWith('ADMITTED')
      ? 'ok'
      : line.startsWith('DENIED')
        ? 'no'
        : line.startsWith(' ')
          ? 'dim'
          : 'ink';
    return `<text x="18" y="${y}" class="${kind}" font-size="12.5" ${MONO} xml:space="preserve">${escaped(line)}</text>`;
  });
  const frame = '<rect x="1" y="1" width="938" height="100%" rx="8" class="box"/>';
  return svg({ width: 940, height: 50 + shown.length * 17, title: 'What make demo prints' }, [frame, ...rows]);
}

/** What differs from run to run is written alike: the port, times, and most of a digest. */
export function steadied(output: string): string {
  return output
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:5000')
    .replaceAll(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, 'sha256:$1…')
    .replaceAll(/\b\d+ ms\b/g, '… ms')
    .replaceAll(/\bin [\d.]+ s\./g, 'in … s.');
}

function svg(
  { width, height, title }: { width: number; height: number; title: string },
  parts: readonly string[],
): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${escaped(title)}">`,
    `  <title>${escaped(title)}</title>`,
    `  <style>${STYLE}\n  </style>`,
    '  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>',
    `  <rect width="${width}" height="${height}" class="paper"/>`,
    ...parts.map((part) => `  ${part}`),
    '</svg>',
    '',
  ].join('\n');
}

function box({ x, y, title, lines = [], kind }: Box): string {
  const texts = [title, ...lines].map(
    (text, index) =>
      `<text x="${x + BOX.width / 2}" y="${y + (lines.length > 1 ? 24 : 33) + index * 19}" text-anchor="middle" class="${index === 0 ? 'ink' : 'dim'}" font-size="${index === 0 ? 15 : 13}"${index === 0 ? ' font-weight="600"' : ''} ${SANS}>${escaped(text)}</text>`,
  );
  const frame = `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="8" class="${kind ?? 'box'}"/>`;
  return [frame, ...texts].join('');
}

function arrow({ from, to, text, at }: Arrow): string {
  const [x, y] = at ?? [(from[0] + to[0]) / 2 + 8, (from[1] + to[1]) / 2];
  return (
    `<path d="M${from.join(' ')} L${to.join(' ')}" class="line" stroke-width="1.5" marker-end="url(#tip)"/>` +
    `<text x="${x}" y="${y}" class="dim" font-size="13" ${SANS}>${escaped(text)}</text>`
  );
}

function cut(line: string, most: number): readonly string[] {
  return line.length <= most ? [line] : [`${line.slice(0, most - 1)}…`];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

/** All pictures by their names. */
export function pictures(): ReadonlyMap<string, string> {
  const output = execFileSync(process.execPath, ['test/demo/demo.ts'], { cwd: ROOT, encoding: 'utf8' });
  return new Map([
    ['way-of-an-image.svg', wayOfAnImage()],
    ['demo.svg', demoScreen(steadied(output))],
  ]);
}

if (import.meta.main) {
  for (const [name, text] of pictures()) writeFileSync(path.join(FOLDER, name), text);
}
