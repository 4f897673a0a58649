// SPDX-License-Identifier: Apache-2.0
import { factsOf } from '../../core/verdict-codes.ts';
import type { Verdict } from '../../core/verdict/types.ts';

/** Exit codes, documented in docs/reference/cli.md. */
export const EXIT = { allowed: 0, denied: 1, usage: 2, undecided: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Wrong usage or unusable input: its message is all that the user sees, and the exit code is 2. */
export class UsageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UsageError';
  }
}

export function exitCodeOf({ code, outcome }: Pick<Verdict, 'code' | 'outcome'>): ExitCode {
  const facts = factsOf(code);
  // A code that the configuration makes harmless: `unmatchedImages: Allow`.
  return outcome === 'allowed' ? EXIT.allowed : facts.exitCode;
}

/**
 * Several images, one code: the highest. A 3 comes first because another try may answer it;
 * 0 is left only where every image is allowed.
 */
export function worstOf(codes: readonly ExitCode[]): ExitCode {
  return codes.reduce<ExitCode>((worst, code) => (code > worst ? code : worst), EXIT.allowed);
}
