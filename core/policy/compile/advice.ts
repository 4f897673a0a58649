// SPDX-License-Identifier: Apache-2.0
import { compilePolicy } from './compile.ts';
import type { CompileContext } from './compile-context.ts';
import { hardlyMeant } from './hardly-meant.ts';
import type { CheckDemand, DemandFault, DemandTexts } from '../expressions/types.ts';
import type { Problem } from '../problems/report.ts';

export interface AdviceContext extends Omit<CompileContext, 'prepareDemand'> {
  /** Of schema and conditions of one attestation; rejects where it can't be told now. */
  readonly compileDemand: (texts: DemandTexts) => Promise<readonly DemandFault[]>;
}

/**
 * What whoever writes a policy should know at once: all that keeps it from being Ready, and what is valid and
 * hardly meant. Never throws; what can't be told now is left out.
 */
export async function adviceOn(policy: unknown, context: AdviceContext): Promise<readonly Problem[]> {
  const { compileDemand, ...lookups } = context;
  const asked: DemandTexts[] = [];
  const found = new Map<string, readonly DemandFault[]>();
  const prepareDemand = (texts: DemandTexts) => {
    asked.push(texts);
    return { faults: found.get(JSON.stringify(texts)) ?? [], check: neverAsked };
  };
  const compile = () => compilePolicy(policy, { ...lookups, prepareDemand }).problems;
  const problems = compile();
  for (const texts of asked) found.set(JSON.stringify(texts), await compileDemand(texts).catch(() => []));
  return [...(found.size === 0 ? problems : compile()), ...hardlyMeant(policy)];
}

const neverAsked: CheckDemand = () => Promise.reject(new Error('a policy that is only looked at decides nothing'));
