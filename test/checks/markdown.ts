// SPDX-License-Identifier: Apache-2.0

/** The text under a heading, up to the next one of the same or a higher level; undefined where there is none. */
export function section(markdown: string, heading: string): string | undefined {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => headingText(line) === heading);
  if (start < 0) return undefined;
  const level = levelOf(lines[start] ?? '');
  const length = lines.slice(start + 1).findIndex((line) => levelOf(line) > 0 && levelOf(line) <= level);
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join('\n');
}

/** Headings of one level, in order. */
export function headings(markdown: string, level: number): readonly string[] {
  return withoutCode(markdown)
    .split('\n')
    .filter((line) => levelOf(line) === level)
    .map(headingText);
}

/** The rows of all tables: their cells, without code marks; header and rule rows left out. */
export function tableRows(markdown: string): readonly (readonly string[])[] {
  const lines = markdown.split('\n').filter((line) => line.startsWith('|'));
  return lines
    .filter((line, index) => !/^\|[ :|-]+\|$/.test(line) && !/^\|[ :|-]+\|$/.test(lines[index + 1] ?? ''))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );
}

/** Links to files of the project: `[text](target#anchor)`. */
export function localLinks(markdown: string): readonly { readonly file: string; readonly anchor?: string }[] {
  return [...withoutCode(markdown).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = '', anchor] = target.split('#');
      return anchor === undefined ? { file } : { file, anchor };
    });
}

/** GitHub's anchor of a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** Fenced code blocks of a language. */
export function codeBlocks(markdown: string, languages: readonly string[]): readonly string[] {
  return [...markdown.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].flatMap(([, language = '', code = '']) =>
    languages.includes(language) ? [code] : [],
  );
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

function levelOf(line: string): number {
  return /^(#{1,6}) /.exec(line)?.[1]?.length ?? 0;
}

function headingText(line: string): string {
  return line.replace(/^#{1,6} /, '').trim();
}
