// SPDX-License-Identifier: Apache-2.0
import type { ResolvedImage } from '../cosign/types.ts';
import type { VerdictCode } from '../errors.ts';
import type { Clock } from '../observe.ts';
import type { CompiledPolicy } from '../policy/types.ts';
import type { RequestScope } from '../registry/types.ts';
import type { EvidenceCache } from './evidence/evidence-cache.ts';
import { isFinalFailure } from './evidence/evidence.ts';
import type { EvidenceStage, ImageEvidence, ReadFailure } from './evidence/evidence.ts';
import type { FormatMemory } from './evidence/format-memory.ts';
import { judge } from './evaluation/evaluate.ts';
import type { Judgement, VerdictSigner } from './evaluation/evaluate.ts';
import type { Prover } from '../policy/signers/verification/signature-verifier.ts';
import { isOutageCode } from './tags.ts';

/** What one policy makes of one image after reading as much as it needed. */
export type Finding =
  | {
      readonly satisfied: true;
      readonly policy: CompiledPolicy;
      readonly signers: readonly VerdictSigner[];
      readonly stale: boolean;
    }
  | {
      readonly satisfied: false;
      readonly policy: CompiledPolicy;
      readonly code: VerdictCode;
      readonly reason: string;
      /** Where was looked. */
      readonly places: readonly string[];
    };

export interface WeighDependencies {
  readonly cache: EvidenceCache;
  readonly prover: Prover;
  readonly formats: FormatMemory;
  readonly clock: Clock;
}

/**
 * Judges, reads on, judges again: until the policy is satisfied or every place was read. The union
 * of all places counts, so that nothing in one hides a good signature in another; and no more is
 * read than the policy needs.
 */
export async function weigh(
  policy: CompiledPolicy,
  image: ResolvedImage,
  scope: RequestScope,
  { cache, prover, formats, clock }: WeighDependencies,
): Promise<Finding> {
  const signatures = policy.signatureRepository ?? image.repository;
  const judgeAll: JudgeAll = (evidence) => judge(policy, evidence, { prover, image, now: clock() });

  const { evidence, reading } = await readFresh(policy, image, scope, { cache, judgeAll });
  if (reading.judgement.satisfied) {
    if (reading.batches > 0) {
      evidence.condense(prover.condensed);
    }
    cache.grown(image, signatures, evidence);
    reading.judgement.signers.forEach(({ format }) => formats.worked(signatures, format));
    return { satisfied: true, policy, signers: reading.judgement.signers, stale: false };
  }
  cache.grown(image, signatures, evidence);
  const failures = [...reading.failures, ...unreadParts(evidence)];
  const stale = failures.some(({ code }) => isOutageCode(code)) ? cache.previous(image, signatures) : undefined;
  const before = stale && (await judgeAll(stale));
  return before?.satisfied === true
    ? { satisfied: true, policy, signers: before.signers, stale: true }
    : shortfall(policy, evidence, reading.judgement, failures);
}

/** By the evidence at hand or, where that falls short and is old enough to be asked again, by new evidence. */
async function readFresh(
  policy: CompiledPolicy,
  image: ResolvedImage,
  scope: RequestScope,
  { cache, judgeAll }: { cache: EvidenceCache; judgeAll: JudgeAll },
): Promise<{ readonly evidence: ImageEvidence; readonly reading: Reading }> {
  const signatures = policy.signatureRepository ?? image.repository;
  const first = cache.current(image, signatures);
  const reading = await readUntilJudged(first, policy, scope, judgeAll);
  if (reading.judgement.satisfied || reading.failures.length > 0) {
    return { evidence: first, reading };
  }
  const evidence = cache.renewed(image, signatures, first);
  return evidence === first
    ? { evidence, reading }
    : { evidence, reading: await readUntilJudged(evidence, policy, scope, judgeAll) };
}

type JudgeAll = (evidence: ImageEvidence) => Promise<Judgement>;

interface Reading {
  readonly judgement: Judgement;
  /** How often was read on. */
  readonly batches: number;
  readonly failures: readonly ReadFailure[];
}

async function readUntilJudged(
  evidence: ImageEvidence,
  policy: CompiledPolicy,
  scope: RequestScope,
  judgeAll: JudgeAll,
): Promise<Reading> {
  const attestations = policy.attestations.length > 0;
  const failures: ReadFailure[] = [];
  const failed = new Set<EvidenceStage>();
  for (let batches = 0; ; batches += 1) {
    const judgement = await judgeAll(evidence);
    const stage = evidence.nextStage(attestations, failed);
    if (judgement.satisfied || stage === undefined || failures.some(isFinalFailure)) {
      return { judgement, failures, batches };
    }
    const failure = await evidence.advance(stage, scope);
    if (failure !== undefined) {
      failures.push(failure);
      failed.add(stage);
    }
  }
}

/** Parts of a place that was read otherwise: a blob that did not come, layers beyond a cap. */
function unreadParts(evidence: ImageEvidence): readonly ReadFailure[] {
  return evidence.faults.flatMap(({ code, message, source }) =>
    code === undefined ? [] : [{ code, message, place: source }],
  );
}

/** What could not be read outweighs what was read: the missing part might have been the good one. */
function shortfall(
  policy: CompiledPolicy,
  evidence: ImageEvidence,
  judgement: Exclude<Judgement, { satisfied: true }>,
  failures: readonly ReadFailure[],
): Finding {
  const [failure] = failures;
  return failure === undefined
    ? { satisfied: false, policy, code: judgement.code, reason: judgement.reason, places: evidence.places }
    : { satisfied: false, policy, code: failure.code, reason: failure.message, places: [failure.place] };
}
