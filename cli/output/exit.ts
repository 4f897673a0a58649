// SPDX-License-Identifier: Apache-2.0
import type { Outcome } from '../../core/errors.ts';
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

export function exitCodeOf(verdict: Pick<Verdict, 'code' | 'outcome'>): ExitCode {
  if (verdict.code === 'InvalidReference') return EXIT.usage;
  return BY_OUTCOME[verdict.outcome];
}

const BY_OUTCOME: Readonly<Record<Outcome, ExitCode>> = {
  allowed: EXIT.allowed,
  denied: EXIT.denied,
  error: EXIT.undecided,
};

/**
 * Several images, one code: the highest. A 3 comes first because another try may answer it;
 * 0 is left only where every image is allowed.
 */
export function worstOf(codes: readonly ExitCode[]): ExitCode {
  return codes.reduce<ExitCode>((worst, code) => (code > worst ? code : worst), EXIT.allowed);
}
