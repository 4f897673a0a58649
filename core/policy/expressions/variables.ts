// SPDX-License-Identifier: Apache-2.0
import type { DemandTexts } from './types.ts';

/** What conditions can name; of which types, condition.ts says. */
export const VARIABLES = ['predicate', 'statement', 'image', 'signer', 'now'] as const;
export type Variable = (typeof VARIABLES)[number];

/**
 * Whether the expression may name the variable. CEL's names are ASCII words, so one that is not there as a word is not
 * named; a field or a text of that name only costs a little.
 */
export function names(expression: string, variable: Variable): boolean {
  return new RegExp(`\\b${variable}\\b`).test(expression);
}

/** Whether what comes of the texts may depend on the variable. */
export function dependOn({ conditions }: DemandTexts, variable: Variable): boolean {
  return conditions.some(({ expression }) => names(expression, variable));
}
