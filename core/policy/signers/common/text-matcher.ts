// SPDX-License-Identifier: Apache-2.0
import { RE2JS } from 're2js';

export interface TextMatcher {
  /** As written, for messages: the text, or the pattern between slashes. */
  readonly source: string;
  readonly matches: (text: string) => boolean;
}

export function exactText(text: string): TextMatcher {
  return { source: text, matches: (candidate) => candidate === text };
}

/**
 * RE2 matches in linear time, whatever the pattern and the text. The whole text must match: an unanchored
 * `https://github.com/acme/` would also accept `https://evil.io/?https://github.com/acme/`.
 *
 * @throws Error with a sentence, where the pattern is not valid RE2.
 */
export function textPattern(pattern: string): TextMatcher {
  let expression: RE2JS;
  try {
    expression = RE2JS.compile(pattern);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unknown error';
    throw new Error(`not a regular expression in RE2 syntax: ${detail}`, { cause });
  }
  return { source: `/${pattern}/`, matches: (candidate) => expression.testExact(candidate) };
}
