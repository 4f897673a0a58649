// SPDX-License-Identifier: Apache-2.0
// Others choose parts of what Cosignet writes: none of it may forge lines in logs and in kubectl's output, move a
// cursor, colour a screen, or make a text read other than it is.

/**
 * Control, format (direction-turning, invisible) and line-separating characters, and halves of characters: JSON and XML
 * with those are no text to many readers.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Untrusted text with another text in the place of each unprintable character. */
export function printable(text: string, instead: string | ((character: string) => string) = '\uFFFD'): string {
  return text.replace(UNPRINTABLE, typeof instead === 'string' ? () => instead : instead);
}

/** What most text is: nothing in it is to be replaced. */
const PLAIN = /^[\x20-\x7e]*$/;

/** Untrusted text made fit for a message: one line, printable, whole characters, at most `maximum` long. */
export function oneLine(text: string, maximum: number): string {
  if (text.length <= maximum && PLAIN.test(text)) return text;
  const cut = text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text;
  return printable(cut.toWellFormed(), '?');
}

/**
 * Without the `characters` at its end. An expression that looks for them there looks at each run of them from each of its
 * places: a megabyte that others write takes hours.
 */
export function trimmedEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** Without the `characters` at both ends. */
export function trimmed(text: string, characters: string): string {
  let start = 0;
  while (start < text.length && characters.includes(text.charAt(start))) start += 1;
  return trimmedEnd(text.slice(start), characters);
}

/** `1 Pod`, `2 Pods`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The order of lists that people read, for `toSorted`: by code units, the same on every machine. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The text of anything thrown, on one line, printable and capped: it may quote what a registry answered. */
export function errorText(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return printable(text.replace(/\s+/g, ' '), '?').slice(0, 500).toWellFormed();
}

/** What a user can do about, of the system's codes. */
const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of this path is no folder',
  EISDIR: 'is a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
};

/** As `errorText`, of work with a file that the caller names: what is wrong with it, in words. */
export function fileErrorText(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return (Object.hasOwn(FILE_FAULTS, code) && FILE_FAULTS[code]) || errorText(thrown);
}
