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
const KEPT_PATTERNS = 32;

/** CEL's functions, each of which spends what its arguments may cost it. */
export function meteredFunctions(functions: Iterable<CelFunc>, spend: Spend): CelFunc[] {
  return [...functions].map((original) => {
    const { name } = original;
    const base = CALENDAR.test(name) ? CALENDAR_STEPS : 1;
    const call: CelFunc['call'] = (id, target, args) => {
      for (const value of comparedBy(name, args)) spendDeep(value, spend);
      const result = original.call(id, target, args);
      // Undefined: it takes other types, and did nothing.
      if (result !== undefined) spend(args.reduce<number>((sum, value) => sum + sizeOf(value), base + sizeOf(target)));
      return result;
    };
    const metered: CelFunc = Object.create(original, { call: { value: call } });
    return metered;
  });
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
  return {
    compile(text: string) {
      const pattern = patterns.get(text) ?? compilePattern(text);
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
