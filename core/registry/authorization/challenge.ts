// SPDX-License-Identifier: Apache-2.0

/** One challenge of WWW-Authenticate (RFC 9110, 11.6.1): scheme and parameter names in lower case. Untrusted. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const MAXIMUM_LENGTH = 16 * 1024;
const TOKEN = /[!#$%&'*+\-.^_`|~\w]+/y;
const TOKEN68 = /[\w\-.~+/]+=*[ \t]*(?=,|$)/y;

/**
 * The challenges of all WWW-Authenticate headers, in order. Text that is no challenge ends the
 * reading of its header; what was read before it counts. Linear: each step moves forward.
 */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  const texts = header === undefined ? [] : typeof header === 'string' ? [header] : header;
  return texts.flatMap((text) => (text.length > MAXIMUM_LENGTH ? [] : parseHeader(text)));
}

function parseHeader(text: string): readonly Challenge[] {
  const cursor = { text, at: 0 };
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  for (;;) {
    skip(cursor, ' \t,');
    const word = take(cursor, TOKEN);
    if (word === undefined) return found;
    const value = parameterValue(cursor);
    if (value === 'fault') return found;
    const name = word.toLowerCase();
    if (value === undefined) {
      found.push({ scheme: name, parameters: new Map() });
      take(cursor, TOKEN68, /[ \t]+/y);
      continue;
    }
    const current = found.at(-1);
    // A repeated parameter makes its challenge ambiguous: the first one stands.
    if (current && !current.parameters.has(name)) current.parameters.set(name, value.text);
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

/** `= token` or `= "quoted"` after a name; undefined where the word was a scheme. */
function parameterValue(cursor: Cursor): { readonly text: string } | 'fault' | undefined {
  const start = cursor.at;
  skip(cursor, ' \t');
  if (cursor.text[cursor.at] !== '=') {
    cursor.at = start;
    return undefined;
  }
  cursor.at += 1;
  skip(cursor, ' \t');
  const text = cursor.text[cursor.at] === '"' ? quoted(cursor) : take(cursor, TOKEN);
  return text === undefined ? 'fault' : { text };
}

function quoted(cursor: Cursor): string | undefined {
  const { text } = cursor;
  let value = '';
  for (let at = cursor.at + 1; at < text.length; at += 1) {
    if (text[at] === '"') {
      cursor.at = at + 1;
      return value;
    }
    if (text[at] === '\\') at += 1;
    value += text[at] ?? '';
  }
  return undefined;
}

function skip(cursor: Cursor, characters: string): void {
  while (cursor.at < cursor.text.length && characters.includes(cursor.text.charAt(cursor.at))) cursor.at += 1;
}

/** The match of a sticky pattern here, or undefined; `lead` is text that must come before it. */
function take(cursor: Cursor, pattern: RegExp, lead?: RegExp): string | undefined {
  const start = lead ? endOf(cursor.text, lead, cursor.at) : cursor.at;
  const end = start === undefined ? undefined : endOf(cursor.text, pattern, start);
  if (start === undefined || end === undefined) return undefined;
  cursor.at = end;
  return cursor.text.slice(start, end);
}

function endOf(text: string, pattern: RegExp, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}
