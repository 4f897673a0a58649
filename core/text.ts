// SPDX-License-Identifier: Apache-2.0

/**
 * Control, line-separating and direction-turning characters: they would forge lines in logs and in kubectl's output, and
 * make a text read other than it is.
 */
// oxlint-disable-next-line no-control-regex -- these are what has to go
export const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text of anything thrown, on one line, printable and capped: it may quote what a registry answered. */
export function errorText(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replace(/\s+/g, ' ').replace(UNPRINTABLE, '?').slice(0, 500).toWellFormed();
}

/** Untrusted text made fit for a message: one line, printable, whole characters, at most `maximum` long. */
export function oneLine(text: string, maximum: number): string {
  const cut = text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text;
  return cut.replace(UNPRINTABLE, '?').toWellFormed();
}

/** Registries choose parts of these texts: none may move the cursor, colour the screen or reverse the line. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}
