// SPDX-License-Identifier: Apache-2.0
import { RE2JS } from 're2js';
import { patternSize } from './size.ts';

/** Steps of one program. `https://github\.com/acme/[^/]+/\.github/workflows/release\.yml@refs/tags/v.*` has some 80. */
export const MAXIMUM_STEPS = 1000;

export interface Pattern {
  /** Steps of its program, at most: matching takes this times the characters of a text. */
  readonly steps: number;
  readonly matchesAll: (text: string) => boolean;
  readonly findsIn: (text: string) => boolean;
}

/**
 * Compiles an RE2 pattern whose program is not too large.
 * @throws Error with a sentence.
 */
export function compilePattern(pattern: string): Pattern {
  const steps = patternSize(pattern);
  if (steps > MAXIMUM_STEPS) {
    throw new Error(
      `the regular expression is too large: ${steps} steps, of at most ${MAXIMUM_STEPS}; repetitions such as {100} count a hundred times`,
    );
  }
  const compiled = compile(pattern);
  return {
    steps,
    matchesAll: (text) => compiled.testExact(text),
    findsIn: (text) => compiled.matcher(text).find(),
  };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'unknown error';
    throw new Error(`not a regular expression in RE2 syntax: ${detail}`, { cause });
  }
}
