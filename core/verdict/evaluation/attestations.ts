// SPDX-License-Identifier: Apache-2.0
import type { Signer } from '../../policy/signers/signers.ts';
import type { CheckAsking, CheckedPredicate, Circumstances, ConditionImage } from '../../policy/expressions/types.ts';
import type { Proven } from '../../policy/signers/verification/proven.ts';
import type { AttestationDemand } from '../../policy/types.ts';
import { quote } from '../../image/reference.ts';
import type { AttestationCandidate, EvidenceFault, ResolvedImage } from '../../signatures/types.ts';
import type { CountedProof } from './distinct-signers.ts';
import { newestOf, type TrustedAttestation } from './newest.ts';

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

/** When it was made, milliseconds since the epoch, as far as that is proven. */
export type TimeOf = (candidate: AttestationCandidate, proof: CountedProof) => Promise<Proven<number>>;

const SHOWN_FAULTS = 3;
const SHOWN_CHARACTERS = 600;
const SHOWN_TYPE = 80;

/** Steps of all evaluations for one policy and image, the same whether they are remembered or not. */
const MAXIMUM_STEPS = 16_000_000;

export interface AttestationsInput {
  readonly demands: readonly AttestationDemand[];
  readonly candidates: readonly AttestationCandidate[];
  /** What was found and can't be used. */
  readonly faults: readonly EvidenceFault[];
  readonly image: ResolvedImage;
  readonly provenBy: ProvenBy;
  readonly timeOf: TimeOf;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly asking: CheckAsking;
}

/**
 * All demands must be met, each by at least one attestation of its predicate type that one of its signers made
 * and that fits the schema and every condition; where the demand is about all or the newest, by all of those. What nobody trusted has signed counts as not there: who can
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
  input: AttestationsInput,
  budget: Budget,
): Promise<AttestationEvaluation> {
  const wanted = input.candidates.filter((candidate) => isOfType(candidate, demand.predicateType));
  const question: Question = { demand, input, budget };
  const strangers = new Set<string>();
  const { select = 'Any' } = demand;
  const { trusted, faults } =
    select === 'Any' ? await anyOf(wanted, question, strangers) : await everyOf(wanted, question, strangers);
  const what = `attestation "${demand.name}" (${demand.predicateType})`;
  if (faults.length > 0)
    return { ok: false, code: 'AttestationFailed', message: `${what}: ${summary(new Set(faults))}` };
  if (trusted.length > 0) return { ok: true, proofs: trusted.map(({ proof }) => proof) };
  return { ok: false, code: 'AttestationMissing', message: `${what}: ${found(wanted, strangers, input)}` };
}

/** Of one whose type readers may differ in: any. */
function isOfType({ predicateType, unreadable }: AttestationCandidate, wanted: string): boolean {
  return predicateType === wanted || (predicateType === '' && unreadable !== undefined);
}

interface Question {
  readonly demand: AttestationDemand;
  readonly input: AttestationsInput;
  readonly budget: Budget;
}

/** Faults, or those that hold: none of either where nobody trusted made one. */
interface Selected {
  readonly trusted: readonly TrustedAttestation[];
  readonly faults: readonly string[];
}

/** The first that holds is enough. */
async function anyOf(
  wanted: readonly AttestationCandidate[],
  question: Question,
  strangers: Set<string>,
): Promise<Selected> {
  const faults: string[] = [];
  for (const candidate of wanted) {
    const trusted = await trustedOf(candidate, question, strangers);
    if (trusted === undefined) continue;
    const fault = await faultOf(trusted, question);
    if (fault === undefined) return { trusted: [trusted], faults: [] };
    faults.push(fault);
    if (question.budget.steps < 0) break;
  }
  return { trusted: [], faults };
}

/** All that are trusted must hold, or all of the newest. */
async function everyOf(
  wanted: readonly AttestationCandidate[],
  question: Question,
  strangers: Set<string>,
): Promise<Selected> {
  const all: TrustedAttestation[] = [];
  for (const candidate of wanted) {
    const trusted = await trustedOf(candidate, question, strangers);
    if (trusted !== undefined) all.push(trusted);
  }
  const { now } = question.input;
  // What another reader finds in one of them may be what fails, or a newer time.
  const unreadable = all.flatMap(({ candidate }) => unreadableIn(candidate) ?? []);
  if (unreadable.length > 0) return { trusted: all, faults: unreadable };
  const chosen =
    question.demand.select === 'Newest'
      ? await newestOf(all, { now, timeOf: (one) => timeOf(one, question) })
      : { trusted: all, faults: [] };
  const faults = [...chosen.faults];
  for (const one of chosen.trusted) {
    const fault = await faultOf(one, question);
    if (fault !== undefined) faults.push(`${one.candidate.source}: ${fault}`);
    if (question.budget.steps < 0) break;
  }
  return { trusted: chosen.trusted, faults };
}

async function trustedOf(
  candidate: AttestationCandidate,
  { demand, input }: Question,
  strangers: Set<string>,
): Promise<TrustedAttestation | undefined> {
  const proof = await input.provenBy(candidate, demand.signers, (reason) => strangers.add(reason));
  return proof && { candidate, proof };
}

function unreadableIn({ source, unreadable }: AttestationCandidate): string | undefined {
  return unreadable && `${source} can't be read: ${unreadable}`;
}

async function faultOf(one: TrustedAttestation, { demand, input, budget }: Question): Promise<string | undefined> {
  const unreadable = unreadableIn(one.candidate);
  if (unreadable !== undefined) return unreadable;
  if (demand.check === undefined) return undefined;
  const time = demand.usesSigner === true ? await input.timeOf(one.candidate, one.proof) : undefined;
  const checked = await demand.check(one.candidate, circumstancesOf(one, input, time), input.asking);
  return spent(checked, budget).fault;
}

/** By what was signed, or by who proves when. */
async function timeOf(one: TrustedAttestation, { demand, input, budget }: Question): Promise<Proven<number>> {
  if (demand.newestBy === undefined) return input.timeOf(one.candidate, one.proof);
  const { fault, time } = spent(
    await demand.newestBy(one.candidate, circumstancesOf(one, input), input.asking),
    budget,
  );
  return time === undefined || fault !== undefined
    ? { ok: false, reason: fault ?? 'newestBy gives no time' }
    : { ok: true, value: time };
}

/** As the steps are the same whether an answer was remembered or not, so is what comes of running out of them. */
function spent(checked: CheckedPredicate, budget: Budget): CheckedPredicate {
  budget.steps -= checked.steps;
  return budget.steps < 0
    ? { steps: checked.steps, fault: `all evaluations take more than ${MAXIMUM_STEPS} steps` }
    : checked;
}

function circumstancesOf(
  { proof }: TrustedAttestation,
  { image, now }: AttestationsInput,
  time?: Proven<number>,
): Circumstances {
  const { issuer = '', subject = '', claims = {} } = proof.certificate ?? {};
  const signer = { name: proof.signer.name, issuer, subject, claims, ...(time?.ok === true && { time: time.value }) };
  return { image: conditionImage(image), signer, now };
}

/** What there is in place of what was sought. Whoever may push writes it: it is quoted, and short. */
function found(
  wanted: readonly AttestationCandidate[],
  strangers: ReadonlySet<string>,
  { candidates, faults }: Pick<AttestationsInput, 'candidates' | 'faults'>,
): string {
  if (wanted.length > 0) {
    return `${wanted.length} found, none by a trusted signer${strangers.size === 0 ? '' : ` (${summary(strangers)})`}`;
  }
  const known = candidates.filter(({ predicateType }) => predicateType !== '');
  const types = new Set(known.map(({ predicateType }) => quote(predicateType.slice(0, SHOWN_TYPE))));
  const others = types.size === 0 ? '' : `; there are some of ${summary(types, ', ')}`;
  const told = new Set(faults.map(({ source, message }) => `${source}: ${message}`));
  return `none was found${others}${told.size === 0 ? '' : `; ${summary(told)}`}`;
}

function conditionImage({ repository, digest, tag = '' }: ResolvedImage): ConditionImage {
  return { repository: `${repository.registry}/${repository.path}`, digest, tag };
}

function summary(faults: ReadonlySet<string>, between = '; '): string {
  const shown = [...faults].slice(0, SHOWN_FAULTS).join(between).slice(0, SHOWN_CHARACTERS);
  return faults.size > SHOWN_FAULTS ? `${shown} (+${faults.size - SHOWN_FAULTS} more)` : shown;
}
