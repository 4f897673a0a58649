// SPDX-License-Identifier: Apache-2.0
import { adviceOn } from '../../core/policy/compile/advice.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';
import type { Problem } from '../../core/policy/problems/report.ts';
import type { TrustRoots } from '../../core/sigstore/trust/trust-root.ts';

export interface PolicyAdviceOptions {
  readonly evaluator: Pick<Evaluator, 'compile'>;
  readonly trustRoots: Pick<TrustRoots, 'names'>;
}

/** Whose share the work is of: no namespace is called so, and what is only asked takes nothing from what is in force. */
const OWNER = '(policies being written)';

/**
 * What is wrong with a policy that is only being written. Secrets and what a KMS holds are not looked at: whoever asks may
 * not be somebody who may know of them; the status tells a moment later.
 */
export function createPolicyAdvice(options: PolicyAdviceOptions): (policy: unknown) => Promise<readonly Problem[]> {
  return async (policy) => {
    const problems = await adviceOn(policy, {
      trustRoots: new Set(options.trustRoots.names()),
      secret: () => undefined,
      compileDemand: (texts) => options.evaluator.compile(texts, OWNER),
    });
    return problems.filter(({ reason }) => reason !== 'SecretNotFound' && reason !== 'KeyUnavailable');
  };
}
