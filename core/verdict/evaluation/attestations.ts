// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../../policy/signers/signers.ts';
import type { CheckAsking, ConditionImage } from '../../policy/expressions/types.ts';
import type { AttestationDemand } from '../../policy/types.ts';
import type { AttestationCandidate, ResolvedImage } from '../../signatures/types.ts';
import type { CountedProof } from './distinct-signers.ts';

export type AttestationEvaluation =
  /** `proofs`: by whom the attestation of each demand is. */
  | { readonly ok: true; readonly proofs: readonly CountedProof[] }
  | { readonly ok: false; readonly code: 'AttestationMissing' | 'AttestationFailed'; readonly message: string };

/** The one of `signers` that made the candidate; undefined: none of them, and `note` is told why. */
export type ProvenBy = (
  candidate: AttestationCandidate,
  signers: readonly Signer[],
  note: (reason: string) => void,
) => Promise<CountedProof | undefined>;

const SHOWN_FAULTS = 3;
const SHOWN_CHARACTERS = 600;

/** Steps of all evaluations for one policy and image, the same whether they are remembered or not. */
const MAXIMUM_STEPS = 16_000_000;

export interface AttestationsInput {
  readonly demands: readonly AttestationDemand[];
  readonly candidates: readonly AttestationCandidate[];
  readonly image: ResolvedImage;
  readonly provenBy: ProvenBy;
  readonly asking: CheckAsking;
}

/**
 * All demands must be met, each by at least one attestation of its predicate type that one of its signers made
 * and that fits the schema and every condition. What nobody trusted has signed counts as not there: who can
 * only push to the repository must not decide what is reported.
 *
 * @throws EngineError EvaluationTimeout, and nothing for what an attestation says.
 */
export async function evaluateAttestations(input: AttestationsInput): Promise<AttestationEvaluation> {
  const budget = { steps: MAXIMUM_STEPS };
  const proofs: CountedProof[] = [];
  for (const demand of input.demands) {
    const evaluation = await evaluateDemand(demand, input, budget);
    if (!evaluation.ok) return evaluation;
    proofs.push(...evaluation.proofs);
  }
  return { ok: true, proofs };
}

interface Budget {
  steps: number;
}

async function evaluateDemand(
  demand: AttestationDemand,
  { candidates, image, provenBy, asking }: AttestationsInput,
  budget: Budget,
): Promise<AttestationEvaluation> {
  const wanted = candidates.filter(({ predicateType }) => predicateType === demand.predicateType);
  const faults = new Set<string>();
  const strangers = new Set<string>();
  for (const candidate of wanted) {
    const proof = await provenBy(candidate, demand.signers, (reason) => strangers.add(reason));
    if (proof === undefined) continue;
    const checked = (await demand.check?.(candidate, conditionImage(image), asking)) ?? { steps: 0 };
    budget.steps -= checked.steps;
    const fault = budget.steps < 0 ? `all evaluations take more than ${MAXIMUM_STEPS} steps` : checked.fault;
    if (fault === undefined) return { ok: true, proofs: [proof] };
    faults.add(fault);
    if (budget.steps < 0) break;
  }
  const what = `attestation "${demand.name}" (${demand.predicateType})`;
  if (faults.size > 0) return { ok: false, code: 'AttestationFailed', message: `${what}: ${summary(faults)}` };
  return { ok: false, code: 'AttestationMissing', message: `${what}: ${found(wanted.length, strangers)}` };
}

function found(count: number, strangers: ReadonlySet<string>): string {
  if (count === 0) return 'none was found';
  return `${count} found, none by a trusted signer${strangers.size === 0 ? '' : ` (${summary(strangers)})`}`;
}

function conditionImage({ repository, digest, tag = '' }: ResolvedImage): ConditionImage {
  return { repository: `${repository.registry}/${repository.path}`, digest, tag };
}

function summary(faults: ReadonlySet<string>): string {
  const shown = [...faults].slice(0, SHOWN_FAULTS).join('; ').slice(0, SHOWN_CHARACTERS);
  return faults.size > SHOWN_FAULTS ? `${shown} (+${faults.size - SHOWN_FAULTS} more)` : shown;
}
