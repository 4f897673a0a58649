// SPDX-License-Identifier: Apache-2.0

/** `\p{Greek}` and its kin: tables of hundreds of ranges, folded one by one under `(?i)`. */
const UNICODE_CLASS = 10;
/** Characters of a class in brackets that count as one step. */
const CLASS_CHARACTERS = 4;

/** Characters; a text of more has more steps than any program may have, or is nothing that anybody writes. */
const LONGEST = 4096;

interface Sequence {
  /** Steps of all that was read since the bracket. */
  total: number;
  /** Steps of what a repetition that follows would repeat. */
  last: number;
}

type Token = readonly [RegExp, (open: Sequence[], match: RegExpExecArray) => void];

/** In the order in which RE2 tries them; the last takes any character. */
const TOKENS: readonly Token[] = [
  [/\\Q([\s\S]*?)(?:\\E|$)/y, (open, [, text = '']) => addQuoted(open, text.length)],
  [/\\[pP](?:\{[^}]*\}|[\s\S])/y, (open) => add(open, UNICODE_CLASS)],
  [/\\x\{[^}]*\}|\\[\s\S]/y, (open) => add(open, 1)],
  // A bracket that comes first closes nothing; [:alpha:] has brackets of its own.
  [/\[\^?\]?(?:\[:[^\]]*:\]|\\[\s\S]|[^\]\\])*\]?/y, (open, [text]) => add(open, classSize(text))],
  // Flags are nothing: a repetition after them repeats what is before them.
  [/\(\?[A-Za-z-]*\)/y, () => undefined],
  [/\(/y, (open) => void open.push({ total: 3, last: 0 })],
  [/\)/y, close],
  [/\|/y, (open) => add(open, 2)],
  [/[*+?]/y, (open, [text]) => repeat(open, 1, text)],
  [/\{(\d+)(?:,(\d*))?\}/y, (open, [text, least = '', most = '']) => repeat(open, Math.max(1, +least, +most), text)],
  [/[\s\S]/y, (open) => add(open, 1)],
];

/**
 * How many steps the program of an RE2 pattern has at most, counted on its text: a repetition counts as
 * often as it says, one within another multiplies. Compiling and matching take time and memory in proportion;
 * `((a?){1000}){1000}` would take gigabytes. Counts rather too much; of a text that is no pattern it says nothing. A text of more
 * than 4,096 characters counts as one step a character, unread: some texts take time by the square of their length.
 */
export function patternSize(pattern: string): number {
  if (pattern.length > LONGEST) return pattern.length;
  const open: Sequence[] = [{ total: 3, last: 0 }];
  for (let at = 0; at < pattern.length;) at = readToken(pattern, at, open);
  while (open.length > 1) close(open);
  return open[0]?.total ?? Infinity;
}

function readToken(pattern: string, at: number, open: Sequence[]): number {
  for (const [expression, apply] of TOKENS) {
    expression.lastIndex = at;
    const match = expression.exec(pattern);
    if (match === null) continue;
    apply(open, match);
    return at + match[0].length;
  }
  return at + 1;
}

function add(open: readonly Sequence[], steps: number): void {
  const sequence = open.at(-1);
  if (sequence === undefined) return;
  sequence.total += steps;
  sequence.last = steps;
}

/** A repetition after it repeats its last character only. */
function addQuoted(open: readonly Sequence[], length: number): void {
  if (length > 1) add(open, length - 1);
  add(open, 1);
}

/** In some places it is the text itself: `{01}` is none. */
function repeat(open: readonly Sequence[], times: number, text: string): void {
  const sequence = open.at(-1);
  if (sequence === undefined) return;
  const repeated = times * (sequence.last + 1) + text.length;
  sequence.total += repeated - sequence.last;
  sequence.last = repeated;
}

function close(open: Sequence[]): void {
  const group = open.length > 1 ? open.pop() : undefined;
  if (group !== undefined) add(open, group.total);
}

function classSize(text: string): number {
  const unicode = text.match(/\\[pP]/g)?.length ?? 0;
  return 1 + Math.floor(text.length / CLASS_CHARACTERS) + unicode * UNICODE_CLASS;
}
