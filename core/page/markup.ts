// SPDX-License-Identifier: Apache-2.0
import { printable } from '../text.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Outside text for XML and HTML, in content and in quoted attributes. Names of images are their writers' choice:
 * what is no character of XML 1.0, or moves or hides text, becomes U+FFFD.
 */
export function escaped(text: string): string {
  return printable(text)
    .replace(/[\uFFFE\uFFFF]/g, '\uFFFD')
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/** Rows of a list of facts, in markup; those without a text are left out. */
export function facts(rows: readonly (readonly [name: string, markup: string])[]): string {
  return rows.flatMap(([name, text]) => (text === '' ? [] : `<dt>${name}</dt><dd>${text}</dd>`)).join('');
}
