// SPDX-License-Identifier: Apache-2.0
import type { TextMatcher } from '../common/text-matcher.ts';

export interface IdentitySigner {
  readonly kind: 'identity';
  readonly name: string;
  /** Both are anchored; an exact text or an RE2 pattern compiled once. */
  readonly issuer: TextMatcher;
  readonly subject: TextMatcher;
  readonly trustRoot: string;
  /** All must hold. */
  readonly claims: readonly ClaimDemand[];
}

export interface ClaimDemand {
  /** `sourceRepositoryRef` */
  readonly name: string;
  readonly value: TextMatcher;
}
