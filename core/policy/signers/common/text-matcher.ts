// SPDX-License-Identifier: Apache-2.0
import { patternSize } from '../../../regular-expression/size.ts';
import { compilePattern, MAXIMUM_STEPS } from '../../../regular-expression/pattern.ts';

export interface TextMatcher {
  /** As written, for messages: the text, or the pattern between slashes. */
  readonly source: string;
  readonly matches: (text: string) => boolean;
}

export function exactText(text: string): TextMatcher {
  return { source: text, matches: (candidate) => candidate === text };
}

/** Steps of a pattern times characters of a text: some 20 ms. Subjects and issuers are seldom longer than 200. */
const MAXIMUM_WORK = 250_000;

/** Of all patterns of one policy: they are compiled where decisions are made. */
const MAXIMUM_POLICY_STEPS = 4000;

/** Compiles the patterns of one policy as `textPattern`, as long as they are not too large together. */
export function policyPatterns(): (pattern: string) => TextMatcher {
  let steps = 0;
  return (pattern) => {
    const size = patternSize(pattern);
    steps += size;
    // One that is too large by itself is told so.
    if (steps > MAXIMUM_POLICY_STEPS && size <= MAXIMUM_STEPS) {
      throw new Error(`the patterns of this policy have more than ${MAXIMUM_POLICY_STEPS} steps together`);
    }
    return textPattern(pattern);
  };
}

/**
 * RE2 matches in linear time, whatever the pattern and the text. The whole text must match: an unanchored
 * `https://github.com/acme/` would also accept `https://evil.io/?https://github.com/acme/`. A text that is too long for
 * the size of the pattern does not match.
 *
 * @throws Error with a sentence, where the pattern is not valid RE2 or too large.
 */
export function textPattern(pattern: string): TextMatcher {
  const { steps, matchesAll } = compilePattern(pattern);
  return {
    source: `/${pattern}/`,
    matches: (candidate) => steps * candidate.length <= MAXIMUM_WORK && matchesAll(candidate),
  };
}
