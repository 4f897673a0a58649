// SPDX-License-Identifier: Apache-2.0
import { isCelList, isCelMap } from '@bufbuild/cel';
import type { CelFunc, CelValue } from '@bufbuild/cel';
import { compilePattern, type Pattern } from '../../regular-expression/pattern.ts';
import { createRecentlyUsed } from '../../recently-used.ts';

type Spend = (steps: number) => void;

/** `getHours("Europe/Berlin")` asks the calendar of the place. */
const CALENDAR = /^get[A-Z]/;
const CALENDAR_STEPS = 500;
/** Characters that one step compares, copies or reads. */
const CHARACTERS = 8;
/** Steps of a pattern on one character that count as one: few of its threads are alive at a time. */
const PATTERN_STEPS = 4;
/** Pairs of characters that one step compares, where a text is sought in another. */
const SOUGHT_PAIRS = 128;
/** Steps of compiling a pattern: for each character of its text, and for each step of its program. */
const READING_STEPS = 32;
const COMPILING_STEPS = 40;
const KEPT_PATTERNS = 32;

/** CEL's functions, each of which spends what its arguments may cost it. */
export function meteredFunctions(functions: Iterable<CelFunc>, spend: Spend): CelFunc[] {
  return [...functions].map((original) => {
    const { name } = original;
    const base = CALENDAR.test(name) ? CALENDAR_STEPS : 1;
    const call: CelFunc['call'] = (id, target, args) => {
      for (const value of comparedBy(name, args)) spendDeep(value, spend);
      if (name === 'contains') spend(seekingSteps(target, args[0]));
      const result = original.call(id, target, args);
      // Undefined: it takes other types, and did nothing.
      if (result !== undefined) spend(args.reduce<number>((sum, value) => sum + sizeOf(value), base + sizeOf(target)));
      return result;
    };
    const metered: CelFunc = Object.create(original, { call: { value: call } });
    return metered;
  });
}

/** At worst each character of the one is compared with each of the other. */
function seekingSteps(text: CelValue | undefined, sought: CelValue | undefined): number {
  return typeof text === 'string' && typeof sought === 'string'
    ? Math.ceil((text.length * sought.length) / SOUGHT_PAIRS)
    : 0;
}

/** What the function looks through as deep as it goes. */
function comparedBy(name: string, args: readonly CelValue[]): readonly CelValue[] {
  if (name === '@in') return args.filter(isCelList);
  return (name === '_==_' || name === '_!=_') && args.every(isContainer) ? args : [];
}

function isContainer(value: CelValue): boolean {
  return isCelList(value) || isCelMap(value);
}

/** The regular expressions of `matches`, compiled once for each text that is one. */
export function meteredPatterns(spend: Spend) {
  const patterns = createRecentlyUsed<Pattern>(KEPT_PATTERNS);

  function compiled(text: string): Pattern {
    spend(READING_STEPS * text.length);
    const pattern = compilePattern(text);
    spend(COMPILING_STEPS * pattern.steps);
    return pattern;
  }

  return {
    compile(text: string) {
      const pattern = patterns.get(text) ?? compiled(text);
      patterns.set(text, pattern);
      return {
        test(candidate: string) {
          spend(matchingSteps(pattern, candidate));
          return pattern.findsIn(candidate);
        },
      };
    },
  };
}

export function matchingSteps({ steps }: Pattern, text: string): number {
  return 10 + Math.ceil((steps * text.length) / PATTERN_STEPS);
}

/** Ends where nothing is left, so that no value is too large to be looked through. */
function spendDeep(value: CelValue, spend: Spend): void {
  spend(1 + sizeOf(value));
  if (isCelList(value)) for (const item of value) spendDeep(item, spend);
  if (isCelMap(value)) for (const item of value.values()) spendDeep(item, spend);
}

/** Of what is read or copied once. */
function sizeOf(value: CelValue | undefined): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return Math.ceil(value.length / CHARACTERS);
  return isCelList(value) ? Math.ceil(value.size / CHARACTERS) : 0;
}
