// SPDX-License-Identifier: Apache-2.0
// Draws the pictures of the documentation: `node docs/pictures/draw.ts`. A check draws them again and compares.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { decision, folders, partsInACluster } from './architecture.ts';
import { MONO, arrow, box, cut, escaped, svg } from './shapes.ts';
import type { Arrow, Box } from './shapes.ts';

const FOLDER = import.meta.dirname;
const ROOT = path.join(FOLDER, '..', '..');

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
  const border = '<rect x="1" y="1" width="938" height="100%" rx="8" class="box"/>';
  return svg({ width: 940, height: 50 + shown.length * 17, title: 'What make demo prints' }, [border, ...rows]);
}

/** What differs from run to run is written alike: the port, times, and most of a digest. */
export function steadied(output: string): string {
  return output
    .replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:5000')
    .replaceAll(/sha256:([0-9a-f]{12})[0-9a-f]{52}/g, 'sha256:$1…')
    .replaceAll(/\b\d+ ms\b/g, '… ms')
    .replaceAll(/\bin [\d.]+ s\./g, 'in … s.');
}

/** All pictures by their names. */
export function pictures(): ReadonlyMap<string, string> {
  const output = execFileSync(process.execPath, ['test/demo/demo.ts'], { cwd: ROOT, encoding: 'utf8' });
  return new Map([
    ['way-of-an-image.svg', wayOfAnImage()],
    ['parts-in-a-cluster.svg', partsInACluster()],
    ['decision.svg', decision()],
    ['folders.svg', folders()],
    ['demo.svg', demoScreen(steadied(output))],
  ]);
}

if (import.meta.main) {
  for (const [name, text] of pictures()) writeFileSync(path.join(FOLDER, name), text);
}
