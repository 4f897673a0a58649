// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../../policy/signers/signers.ts';
import { errorText } from '../../text.ts';
import type { ConditionImage } from '../../policy/expressions/types.ts';
import type { AttestationDemand } from '../../policy/types.ts';
import type { AttestationCandidate, ResolvedImage } from '../../cosign/types.ts';

export type AttestationEvaluation =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'AttestationMissing' | 'AttestationFailed'; readonly message: string };

/** The one of `signers` that made the candidate; undefined: none of them. */
export type ProvenBy = (candidate: AttestationCandidate, signers: readonly Signer[]) => Promise<Signer | undefined>;

const SHOWN_FAULTS = 3;
const SHOWN_CHARACTERS = 600;

/**
 * All demands must be met, each by at least one attestation of its predicate type that one of its signers made
 * and that fits the schema and every condition. What nobody trusted has signed counts as not there: who can
 * only push to the repository must not decide what is reported. Never throws for what an attestation says.
 */
export async function evaluateAttestations(
  demands: readonly AttestationDemand[],
  candidates: readonly AttestationCandidate[],
  image: ResolvedImage,
  provenBy: ProvenBy,
): Promise<AttestationEvaluation> {
  for (const demand of demands) {
    const evaluation = await evaluateDemand(demand, candidates, image, provenBy);
    if (!evaluation.ok) return evaluation;
  }
  return { ok: true };
}

async function evaluateDemand(
  demand: AttestationDemand,
  candidates: readonly AttestationCandidate[],
  image: ResolvedImage,
  provenBy: ProvenBy,
): Promise<AttestationEvaluation> {
  const wanted = candidates.filter(({ predicateType }) => predicateType === demand.predicateType);
  const faults = new Set<string>();
  for (const candidate of wanted) {
    const signer = await provenBy(candidate, demand.signers);
    if (signer === undefined) continue;
    const fault = faultOf(candidate, demand, conditionImage(image));
    if (fault === undefined) return { ok: true };
    faults.add(fault);
  }
  const what = `attestation "${demand.name}" (${demand.predicateType})`;
  if (faults.size > 0) return { ok: false, code: 'AttestationFailed', message: `${what}: ${summary(faults)}` };
  const found = wanted.length === 0 ? 'none was found' : `${wanted.length} found, none by a trusted signer`;
  return { ok: false, code: 'AttestationMissing', message: `${what}: ${found}` };
}

/** Why an attestation by a trusted signer does not do, in the words of the policy's author where there are any. */
function faultOf(
  { predicate, statement }: AttestationCandidate,
  demand: AttestationDemand,
  image: ConditionImage,
): string | undefined {
  const schemaFault = demand.schemaFault?.(predicate);
  if (schemaFault !== undefined) return schemaFault;
  for (const { holds, message } of demand.conditions) {
    try {
      if (!holds({ predicate, statement, image })) return message;
    } catch (thrown) {
      return `${message} (${errorText(thrown)})`;
    }
  }
  return undefined;
}

function conditionImage({ repository, digest, tag = '' }: ResolvedImage): ConditionImage {
  return { repository: `${repository.registry}/${repository.path}`, digest, tag };
}

function summary(faults: ReadonlySet<string>): string {
  const shown = [...faults].slice(0, SHOWN_FAULTS).join('; ').slice(0, SHOWN_CHARACTERS);
  return faults.size > SHOWN_FAULTS ? `${shown} (+${faults.size - SHOWN_FAULTS} more)` : shown;
}
