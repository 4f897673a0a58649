// SPDX-License-Identifier: Apache-2.0
import type { ResolvedImage } from '../../signatures/types.ts';
import { factsOf } from '../../verdict-codes.ts';
import type { VerdictCode } from '../../verdict-codes.ts';
import type { TellPlatforms } from '../manifests/platforms.ts';
import type { Limits } from '../../limits.ts';
import type { Clock } from '../../observe.ts';
import { needsAll, signaturesNeeded } from '../../policy/types.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import type { RequestScope } from '../../registry/types.ts';
import type { EvidenceCache, SignaturePlace } from '../evidence/evidence-cache.ts';
import type { EvidenceSource, ImageEvidence, ReadFailure, Sought } from '../evidence/evidence.ts';
import type { FormatMemory } from '../evidence/format-memory.ts';
import { createWorkBudget, type WorkBudget } from '../evaluation/work-budget.ts';
import { evaluate } from '../evaluation/evaluate.ts';
import { tellUnaccepted } from '../evaluation/unaccepted.ts';
import type { VerdictSigner } from '../evaluation/distinct-signers.ts';
import type { PolicyEvaluation } from '../evaluation/evaluate.ts';
import type { SignatureVerifier } from '../../policy/signers/verification/signature-verifier.ts';

/** What one policy makes of one image after reading as much as it needed. */
export type PolicyVerification =
  | {
      readonly satisfied: true;
      readonly policy: CompiledPolicy;
      readonly signers: readonly VerdictSigner[];
      readonly stale: boolean;
      /** How many images of an index that is about; absent: the image itself. */
      readonly platforms?: number;
    }
  | {
      readonly satisfied: false;
      readonly policy: CompiledPolicy;
      readonly code: VerdictCode;
      readonly reason: string;
      /** What a person can do about it, where the failure knows. */
      readonly remedy?: string;
      /** The signer of the policy who made a signature that does not count, and why it does not, as a clause. */
      readonly unaccepted?: string;
      /** Where was looked. */
      readonly places: readonly string[];
      /** The images of an index that fail so, by their platforms; absent: the image itself. */
      readonly platforms?: string;
    };

export interface VerificationDependencies {
  readonly cache: EvidenceCache;
  readonly verifier: SignatureVerifier;
  readonly formats: FormatMemory;
  readonly clock: Clock;
  /** Whom evaluations are for: the namespace of the image, empty outside of one. */
  readonly owner: string;
  readonly limits: () => Pick<Limits, 'verifications' | 'evidenceBytes'>;
  /** Shared with other verifications; one of its own unless given. */
  readonly budget?: WorkBudget;
  readonly tellPlatforms: TellPlatforms;
}

/**
 * Evaluates, reads on, evaluates again: until the policy is satisfied or every place was read. The union
 * of all places counts, so that nothing in one hides a good signature in another; and no more is
 * read than the policy needs.
 */
export async function verifyPolicy(
  policy: CompiledPolicy,
  image: ResolvedImage,
  scope: RequestScope,
  dependencies: VerificationDependencies,
): Promise<PolicyVerification> {
  const { cache, verifier, formats, clock, owner, tellPlatforms } = dependencies;
  const signatures = placeOf(policy, image);
  const asking = { owner, signal: scope.signal };
  const budget = budgetOf(dependencies, scope);
  const evaluateAll: Evaluate = async (evidence) => {
    try {
      scope.budget.hold(evidence.bytes);
      return await evaluate(policy, evidence, { verifier, image, now: clock(), asking, budget });
    } catch (error) {
      // The cache has to know what it holds, whatever becomes of this decision.
      cache.grown(image, signatures, evidence);
      throw error;
    }
  };

  const { evidence, reading } = await readFresh(policy, image, readingScope(policy, scope), { cache, evaluateAll });
  const failures = [...reading.failures, ...unreadParts(evidence)];
  if (reading.evaluation.satisfied && !mayHideMore(policy, failures)) {
    if (reading.batches > 0) {
      evidence.compact(verifier.compacted);
    }
    cache.grown(image, signatures, evidence);
    formatsShown(policy, reading.evaluation.signers).forEach((format) => formats.worked(signatures, format));
    return { satisfied: true, policy, signers: reading.evaluation.signers, stale: false };
  }
  cache.grown(image, signatures, evidence);
  const former = mayRestOnFormer(policy, failures) ? cache.previous(image, signatures) : undefined;
  const before = former && (await evaluateAll(former));
  if (before?.satisfied === true) return { satisfied: true, policy, signers: before.signers, stale: true };
  const found = shortfall(policy, evidence, reading.evaluation, failures);
  if (found.code === 'NoSignature') {
    return { ...found, reason: found.reason + (await tellPlatforms({ image, signatures, evidence, scope })) };
  }
  return tellingOfUnaccepted(found, evidence, { verifier, now: clock(), signal: scope.signal });
}

type Shortfall = Exclude<PolicyVerification, { satisfied: true }>;

/** Where it is a signer's signature after all: whose it is, is right; how it was made is not. */
async function tellingOfUnaccepted(
  found: Shortfall,
  evidence: ImageEvidence,
  means: Parameters<typeof tellUnaccepted>[1],
): Promise<Shortfall> {
  const unaccepted = await tellUnaccepted({ policy: found.policy, code: found.code, evidence }, means);
  if (unaccepted === undefined) return found;
  const none =
    found.code === 'UntrustedSignature' ? `${evidence.signatures.length} signature(s), none that counts` : found.reason;
  const remedy = 'Sign it again in a way that is accepted, as cosign sign does, or have the key service sign so.';
  return { ...found, reason: `${none}: ${unaccepted}`, remedy, unaccepted };
}

function placeOf(
  { signatureRepository, signatureKeychain }: CompiledPolicy,
  { repository }: ResolvedImage,
): SignaturePlace {
  return signatureRepository === undefined ? repository : { ...signatureRepository, reader: signatureKeychain?.id };
}

/** With the policy's own credentials where it has some; the image's are not tried there. */
function readingScope({ signatureKeychain }: CompiledPolicy, scope: RequestScope): RequestScope {
  return signatureKeychain === undefined ? scope : { ...scope, keychain: signatureKeychain };
}

function budgetOf({ budget, limits }: VerificationDependencies, { signal }: RequestScope): WorkBudget {
  return budget ?? createWorkBudget(limits().verifications, signal);
}

/** What was read before an outage says nothing of an attestation that may have come since. */
function mayRestOnFormer(policy: CompiledPolicy, failures: readonly ReadFailure[]): boolean {
  return !needsAll(policy) && failures.some(({ code }) => factsOf(code).isOutage);
}

/** By the evidence at hand or, where that falls short and is old enough to be asked again, by new evidence. */
async function readFresh(
  policy: CompiledPolicy,
  image: ResolvedImage,
  scope: RequestScope,
  { cache, evaluateAll }: { cache: EvidenceCache; evaluateAll: Evaluate },
): Promise<{ readonly evidence: ImageEvidence; readonly reading: Reading }> {
  const signatures = placeOf(policy, image);
  const first = cache.current(image, signatures);
  const reading = await readUntilEvaluated(first, policy, scope, evaluateAll);
  const isGood = reading.evaluation.satisfied && !mayHideMore(policy, unreadParts(first));
  if (isGood || reading.failures.length > 0) {
    return { evidence: first, reading };
  }
  const evidence = cache.renewed(image, signatures, first);
  return evidence === first
    ? { evidence, reading }
    : { evidence, reading: await readUntilEvaluated(evidence, policy, scope, evaluateAll) };
}

/** Whether what could not be read might be an attestation that fails, or a newer one. */
function mayHideMore(policy: CompiledPolicy, failures: readonly ReadFailure[]): boolean {
  return failures.length > 0 && needsAll(policy);
}

type Evaluate = (evidence: ImageEvidence) => Promise<PolicyEvaluation>;

interface Reading {
  readonly evaluation: PolicyEvaluation;
  /** How often was read on. */
  readonly batches: number;
  readonly failures: readonly ReadFailure[];
}

async function readUntilEvaluated(
  evidence: ImageEvidence,
  policy: CompiledPolicy,
  scope: RequestScope,
  evaluateAll: Evaluate,
): Promise<Reading> {
  const sought = soughtBy(policy);
  const failures: ReadFailure[] = [];
  const failed = new Set<EvidenceSource>();
  let batches = 0;
  const readOn = async (source: EvidenceSource) => {
    const failure = await evidence.advance(source, scope, sought);
    batches += 1;
    if (failure !== undefined) {
      failures.push(failure);
      failed.add(source);
    }
  };
  const next = (wanted: Sought) =>
    failures.some(endsReading) ? undefined : evidence.nextSource(wanted, failed, scope);

  // First all attestations, where one that was not read might be the one that counts.
  const attestations = { ...sought, signatures: false };
  for (let unread = needsAll(policy) ? next(attestations) : undefined; unread; unread = next(attestations))
    await readOn(unread);
  for (;;) {
    // Of nothing nothing can be made, as long as there is something to read.
    if (!evidence.isEmpty || next(sought) === undefined) {
      const evaluation = await evaluateAll(evidence);
      if (evaluation.satisfied || next(sought) === undefined) return { evaluation, failures, batches };
    }
    const source = next(sought);
    if (source !== undefined) await readOn(source);
  }
}

/** Of signatures: who attests in bundles may still sign otherwise. */
function formatsShown(policy: CompiledPolicy, signers: readonly VerdictSigner[]): readonly VerdictSigner['format'][] {
  return soughtBy(policy).signatures ? signers.map(({ format }) => format) : [];
}

function soughtBy(policy: CompiledPolicy): Sought {
  return {
    signatures: signaturesNeeded(policy) > 0,
    attestations: policy.attestations.map(({ predicateType }) => predicateType),
  };
}

function endsReading({ code, concernsPlaceOnly }: ReadFailure): boolean {
  return concernsPlaceOnly !== true && factsOf(code).endsReading;
}

/** Parts of a place that was read otherwise: a blob that did not come, layers beyond a cap. */
function unreadParts(evidence: ImageEvidence): readonly ReadFailure[] {
  return evidence.faults.flatMap(({ code, message, source, remedy }) =>
    code === undefined ? [] : [{ code, message, place: source, ...(remedy !== undefined && { remedy }) }],
  );
}

/** What could not be read outweighs what was read: the missing part might have been the good one. */
function shortfall(
  policy: CompiledPolicy,
  evidence: ImageEvidence,
  evaluation: PolicyEvaluation,
  failures: readonly ReadFailure[],
): Shortfall {
  const [failure] = failures;
  if (failure === undefined) {
    if (evaluation.satisfied) throw new Error('nothing is missing');
    return { satisfied: false, policy, code: evaluation.code, reason: evaluation.reason, places: evidence.places };
  }
  const { code, message, place, remedy } = failure;
  return { satisfied: false, policy, code, reason: message, places: [place], ...(remedy !== undefined && { remedy }) };
}
