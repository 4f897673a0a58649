// SPDX-License-Identifier: Apache-2.0

/** A JSON object as parsed: every value is untrusted. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Control, line-separator and bidirectional characters: they would forge lines in logs and
// kubectl's output, and make text read other than it is.
// oxlint-disable-next-line no-control-regex -- these are what has to go
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Untrusted text made fit for a message: one line, printable, whole characters, at most `maximum` long. */
export function printable(text: string, maximum: number): string {
  const cut = text.length > maximum ? `${text.slice(0, maximum - 1)}…` : text;
  return cut.replace(UNPRINTABLE, '?').toWellFormed();
}
