// SPDX-License-Identifier: Apache-2.0

/** Of an in-toto statement's `_type`. */
export const STATEMENT_V1 = 'https://in-toto.io/Statement/v1';

const STATEMENTS: ReadonlySet<unknown> = new Set([STATEMENT_V1, 'https://in-toto.io/Statement/v0.1']);

/** Each is compared with what was signed. */
export const MAXIMUM_SUBJECTS = 1024;
/** Of one subject. */
export const MAXIMUM_DIGESTS = 32;

export function isStatementType(type: unknown): boolean {
  return STATEMENTS.has(type);
}
