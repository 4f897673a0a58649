// SPDX-License-Identifier: Apache-2.0
import { fieldOf } from '../../json.ts';
import { quote } from '../../image/reference.ts';
import { compilePolicy } from './compile.ts';
import type { CompileContext } from './compile-context.ts';
import type { CheckDemand, DemandFault, DemandTexts } from '../expressions/types.ts';
import type { Problem } from '../problems/report.ts';

export interface AdviceContext extends Omit<CompileContext, 'prepareDemand'> {
  /** Of schema and conditions of one attestation; rejects where it can't be told now. */
  readonly compileDemand: (texts: DemandTexts) => Promise<readonly DemandFault[]>;
}

/**
 * What whoever writes a policy should know at once: all that keeps it from being Ready, and patterns that are valid and
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
  return [...(found.size === 0 ? problems : compile()), ...patternsHardlyMeant(policy)];
}

const neverAsked: CheckDemand = () => Promise.reject(new Error('a policy that is only looked at decides nothing'));

/** Patterns that mean something else than they look like. */
export function patternsHardlyMeant(policy: unknown): readonly Problem[] {
  const images = fieldOf(fieldOf(policy, 'spec'), 'images');
  return (Array.isArray(images) ? images : []).flatMap((text: unknown, index) => {
    const message = typeof text === 'string' ? hardlyMeant(text) : undefined;
    return message === undefined ? [] : [{ reason: 'InvalidPattern', path: `spec.images[${index}]`, message }];
  });
}

function hardlyMeant(text: string): string | undefined {
  if (text === '*') return '"*" covers docker.io/library/* only; for every image write "**"';
  if (text === '*/*') return '"*/*" covers docker.io/*/* only; for every image write "**"';
  // `node.js` may be an image of Docker Hub; nobody's is called like these.
  return /^(?:[a-z0-9-]+\.)+(?:app|cloud|com|corp|dev|internal|io|lan|local|net|org)$/.test(text)
    ? `${quote(text)} is the image docker.io/library/${text}; did you mean ${quote(`${text}/**`)}?`
    : undefined;
}
