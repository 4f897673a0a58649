// SPDX-License-Identifier: Apache-2.0
// What the pictures of the documentation are made of, in colours for light and dark.

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly title: string;
  readonly lines?: readonly string[];
  readonly kind?: 'own' | 'good' | 'bad';
  readonly width?: number;
  readonly height?: number;
}

/** A dashed line around what belongs together, with its name in a corner. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** The name is in the lower corner. */
  readonly isBelow?: boolean;
}

export interface Arrow {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
  readonly text: string;
  /** Where the text begins; beside the middle unless given. */
  readonly at?: readonly [number, number];
}

const BOX = { width: 170, height: 74 };
const SANS = 'font-family="system-ui, sans-serif"';
export const MONO = 'font-family="ui-monospace, monospace"';

const STYLE = `
    .paper { fill: #ffffff } .ink { fill: #1f2328 } .dim { fill: #59636e } .line { stroke: #59636e; fill: none }
    .box { fill: #f6f8fa; stroke: #d1d9e0 } .own { fill: #ddf4ff; stroke: #0969da } .good { fill: #dafbe1; stroke: #1a7f37 }
    .frame { fill: none; stroke: #59636e; stroke-dasharray: 5 4 } .bad { fill: #ffebe9; stroke: #d1242f } .tip { fill: #59636e } .ok { fill: #1a7f37 } .no { fill: #d1242f }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117 } .ink { fill: #f0f6fc } .dim { fill: #9198a1 } .line { stroke: #9198a1 }
      .box { fill: #151b23; stroke: #3d444d } .own { fill: #121d2f; stroke: #4493f8 } .good { fill: #12261e; stroke: #3fb950 }
      .frame { stroke: #9198a1 } .bad { fill: #25171c; stroke: #f85149 } .tip { fill: #9198a1 } .ok { fill: #3fb950 } .no { fill: #f85149 }
    }`;

export function svg(
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

export function box({ x, y, title, lines = [], kind, width = BOX.width, height = BOX.height }: Box): string {
  const texts = [title, ...lines].map(
    (text, index) =>
      `<text x="${x + width / 2}" y="${y + firstLine(height, lines.length) + index * 19}" text-anchor="middle" class="${index === 0 ? 'ink' : 'dim'}" font-size="${index === 0 ? 15 : 13}"${index === 0 ? ' font-weight="600"' : ''} ${SANS}>${escaped(text)}</text>`,
  );
  const border = `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" class="${kind ?? 'box'}"/>`;
  return [border, ...texts].join('');
}

/** Where the text begins, so that all of it is in the middle. */
function firstLine(height: number, lines: number): number {
  if (lines === 0) return height / 2 + 5;
  return lines > 1 ? 24 : 33;
}

export function frame({ x, y, width, height, title, isBelow = false }: Frame): string {
  return (
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" class="frame"/>` +
    `<text x="${x + 12}" y="${isBelow ? y + height - 10 : y + 20}" class="dim" font-size="13" ${SANS}>${escaped(title)}</text>`
  );
}

export function arrow({ from, to, text, at }: Arrow): string {
  const [x, y] = at ?? [(from[0] + to[0]) / 2 + 8, (from[1] + to[1]) / 2];
  return (
    `<path d="M${from.join(' ')} L${to.join(' ')}" class="line" stroke-width="1.5" marker-end="url(#tip)"/>` +
    `<text x="${x}" y="${y}" class="dim" font-size="13" ${SANS}>${escaped(text)}</text>`
  );
}

export function cut(line: string, most: number): readonly string[] {
  return line.length <= most ? [line] : [`${line.slice(0, most - 1)}…`];
}

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
