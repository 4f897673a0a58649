// SPDX-License-Identifier: Apache-2.0
import type { CompileContext } from '../../core/policy/compile/compile-context.ts';
import type { AnyImagePolicy } from '../../core/policy/documents/kinds.ts';
import type { Evaluator } from '../../core/policy/evaluator/evaluator.ts';

/** What policies of files ask of attestations, with what compiles it: large, and loaded with the first that asks. */
export interface FileDemands extends Pick<CompileContext, 'prepareDemand'> {
  readonly load: (policies: readonly AnyImagePolicy[]) => Promise<void>;
}

export function createFileDemands(evaluator: Evaluator): FileDemands {
  let prepareDemand: CompileContext['prepareDemand'] | undefined;
  return {
    async load(policies) {
      if (prepareDemand !== undefined || !policies.some(({ spec }) => (spec.attestations ?? []).length > 0)) return;
      const { preparedApart } = await import('../../core/policy/evaluator/in-process.ts');
      prepareDemand = preparedApart(evaluator);
    },
    /** Not loaded: a fault of the policy, and so a denial. */
    prepareDemand(texts) {
      if (prepareDemand === undefined) throw new Error('attestations can not be evaluated here');
      return prepareDemand(texts);
    },
  };
}
