// SPDX-License-Identifier: Apache-2.0
import { evaluateAttestations } from './attestations.ts';
import type { ProvenBy, TimeOf } from './attestations.ts';
import { EngineError } from '../../errors.ts';
import { signedRepository } from '../../cosign/payload.ts';
import type { Repository } from '../../image/types.ts';
import { identityFault } from '../../policy/compile/signed-identity.ts';
import type { CheckAsking } from '../../policy/expressions/types.ts';
import type { ResolvedImage, SignatureCandidate } from '../../signatures/types.ts';
import type { VerdictCode } from '../../verdict-codes.ts';
import { signaturesNeeded } from '../../policy/types.ts';
import type { CompiledPolicy } from '../../policy/types.ts';
import { countDistinct } from './distinct-signers.ts';
import type { CountedProof, VerdictSigner } from './distinct-signers.ts';
import type { WorkBudget } from './work-budget.ts';
import type { Asking } from '../../policy/signers/common/signer-kind.ts';
import { isCurrent, kindOf, proveSigners, outOfWindow } from '../../policy/signers/signers.ts';
import type { Signer } from '../../policy/signers/signers.ts';
import type { ImageEvidence } from '../evidence/evidence.ts';
import type { Proven } from '../../policy/signers/verification/proven.ts';
import type { SignatureVerifier } from '../../policy/signers/verification/signature-verifier.ts';

/** What one policy says of the evidence read so far. */
export type PolicyEvaluation =
  /** `signers`: who signed the image, or, where it need not be signed, its attestations. */
  | { readonly satisfied: true; readonly signers: readonly VerdictSigner[] }
  | { readonly satisfied: false; readonly code: VerdictCode; readonly reason: string };

export interface EvaluationContext {
  readonly verifier: SignatureVerifier;
  readonly image: ResolvedImage;
  /** Milliseconds since the epoch, for key windows. */
  readonly now: number;
  readonly asking: CheckAsking;
  /** Of the whole verification by this policy. */
  readonly budget: WorkBudget;
}

/** Signatures by the policy's own signers that do not count, with the reason; kept for the message. */
interface Tally {
  readonly proofs: CountedProof[];
  readonly wrongAnnotations: string[];
  readonly wrongIdentities: string[];
  readonly notLogged: string[];
  /** Certificates of nobody that the policy names. */
  readonly strangers: string[];
}

export async function evaluate(
  policy: CompiledPolicy,
  evidence: ImageEvidence,
  context: EvaluationContext,
): Promise<PolicyEvaluation> {
  const unusable = new Set<string>();
  const verifier = noting(context, unusable);
  const evaluation = await evaluateEvidence(policy, evidence, { ...context, verifier });
  // What could not be asked might have counted: that is no word about the image.
  return evaluation.satisfied || unusable.size === 0
    ? evaluation
    : { satisfied: false, code: 'TrustRootUnavailable', reason: summary([...unusable]) };
}

/** The verifier, with notes of the trust roots that could not be used; its work is paid for. */
function noting({ verifier, budget }: EvaluationContext, unusable: Set<string>): SignatureVerifier {
  const spend = (units: number) => budget.spend(units);
  const noted = <T>(proven: Proven<T>): Proven<T> => {
    if (!proven.ok && proven.unusable !== undefined) unusable.add(proven.unusable);
    return proven;
  };
  return {
    ...verifier,
    signedBy: (candidate, signer) => verifier.signedBy(candidate, signer, spend),
    certifiedBy: async (candidate, root, log) => noted(await verifier.certifiedBy(candidate, root, log, spend)),
    loggedBy: async (...question) => noted(await verifier.loggedBy(...question)),
    ownedBy: (candidate, authority) => verifier.ownedBy(candidate, authority, spend),
    ownTimes: async (candidate) => {
      const found = await verifier.ownTimes(candidate, spend);
      if (found.unusable !== undefined) unusable.add(found.unusable);
      return found;
    },
    timedBy: async (candidate, signer) => noted(await verifier.timedBy(candidate, signer, spend)),
  };
}

async function evaluateEvidence(
  policy: CompiledPolicy,
  evidence: ImageEvidence,
  context: EvaluationContext,
): Promise<PolicyEvaluation> {
  const signers = policy.signers.filter((signer) => isCurrent(signer, context.now));
  const tally: Tally = { proofs: [], wrongAnnotations: [], wrongIdentities: [], notLogged: [], strangers: [] };
  const isSigned = signaturesNeeded(policy) > 0;
  // Read for other policies, perhaps: where none are needed none are looked at.
  for (const candidate of isSigned ? evidence.signatures : []) {
    await tallyCandidate(candidate, signers, policy, { context, tally });
  }
  const shortfall = signatureShortfall(policy, { tally, evidence, now: context.now });
  if (shortfall !== undefined) {
    return shortfall;
  }
  if (isSigned && policy.attestations.length === 0) return { satisfied: true, signers: shownOnce(tally.proofs) };
  const attested = await evaluatePolicyAttestations(policy, signers, evidence, context);
  return attested.satisfied && isSigned ? { satisfied: true, signers: shownOnce(tally.proofs) } : attested;
}

async function tallyCandidate(
  candidate: SignatureCandidate,
  signers: readonly Signer[],
  policy: CompiledPolicy,
  { context, tally }: { context: EvaluationContext; tally: Tally },
): Promise<void> {
  const note = (reason: string) => tally.strangers.push(reason);
  const { verifier, now, budget } = context;
  const { transparencyLog } = policy;
  const asking: Asking = { transparencyLog, verifier, now, note, breathe: () => budget.breathe() };
  const proofs = await proofsOf(candidate, signers, asking);
  const [first] = proofs;
  if (first === undefined) {
    return;
  }
  const missing = missingAnnotation(policy, candidate);
  if (missing !== undefined) {
    tally.wrongAnnotations.push(`${first.signer.name}: ${missing}`);
    return;
  }
  const misplaced = misplacement(policy, candidate, context.image.repository);
  if (misplaced !== undefined) {
    tally.wrongIdentities.push(`${first.signer.name}: ${misplaced}`);
    return;
  }
  const logged = await proveLogged(candidate, first.signer, asking);
  if (!logged.ok) {
    tally.notLogged.push(`${first.signer.name}: ${logged.reason}`);
    return;
  }
  tally.proofs.push(...proofs);
}

/** The signers whose signature this is: several where they hold one key or one identity. */
async function proofsOf(
  candidate: SignatureCandidate,
  signers: readonly Signer[],
  asking: Asking,
): Promise<readonly CountedProof[]> {
  const { format } = candidate;
  const proofs = await proveSigners(candidate, signers, asking);
  return proofs.map((proof) => {
    const { signer, fingerprint, certificate } = proof;
    const shown = { name: signer.name, fingerprint, format, ...(certificate && { claims: certificate.claims }) };
    return Object.assign({ shown }, proof);
  });
}

/** Whether a log has it, where the policy requires that. */
async function proveLogged(candidate: SignatureCandidate, signer: Signer, asking: Asking): Promise<Proven<true>> {
  return asking.transparencyLog === 'Require'
    ? kindOf(signer).proveLogged(candidate, signer, asking.verifier)
    : { ok: true, value: true };
}

function missingAnnotation(policy: CompiledPolicy, candidate: SignatureCandidate): string | undefined {
  for (const [key, wanted] of Object.entries(policy.annotations)) {
    const found = Object.hasOwn(candidate.annotations, key) ? candidate.annotations[key] : undefined;
    if (found !== wanted) {
      return `annotation ${key} is ${found === undefined ? 'missing' : JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`;
    }
  }
  return undefined;
}

/** Why the signature is not for the repository that the policy asks for. */
function misplacement(policy: CompiledPolicy, candidate: SignatureCandidate, image: Repository): string | undefined {
  const wanted = policy.signedIdentity?.(image);
  if (wanted === undefined) return undefined;
  if (candidate.format === 'bundle') return 'it is a bundle, which names no repository';
  return identityFault(signedRepository(candidate.signedBytes), wanted);
}

function signatureShortfall(
  policy: CompiledPolicy,
  { tally, evidence, now }: Pick<Shortfall, 'tally' | 'evidence' | 'now'>,
): PolicyEvaluation | undefined {
  const distinct = countDistinct(tally.proofs);
  const absent = policy.required.filter((name) => !tally.proofs.some(({ signer }) => signer.name === name));
  if (distinct >= signaturesNeeded(policy) && absent.length === 0) {
    return undefined;
  }
  return { satisfied: false, ...explainShortfall({ policy, tally, evidence, now, distinct, absent }) };
}

interface Shortfall {
  readonly policy: CompiledPolicy;
  readonly tally: Tally;
  readonly evidence: ImageEvidence;
  readonly now: number;
  readonly distinct: number;
  readonly absent: readonly string[];
}

/** The most telling reason first: what came closest to counting. */
function explainShortfall(shortfall: Shortfall): { code: VerdictCode; reason: string } {
  const { policy, tally, evidence, distinct, absent } = shortfall;
  const lapsed = lapsedSigners(shortfall);
  if (distinct > 0) {
    const needs = absent.length > 0 ? `${absent.join(', ')} must be among them` : `${policy.threshold} are needed`;
    return { code: 'ThresholdNotMet', reason: `${distinct} distinct trusted signer(s) signed it; ${needs}${lapsed}` };
  }
  if (tally.wrongAnnotations.length > 0) {
    return { code: 'AnnotationMismatch', reason: summary(tally.wrongAnnotations) };
  }
  if (tally.wrongIdentities.length > 0) {
    return { code: 'SignedIdentityMismatch', reason: summary(tally.wrongIdentities) };
  }
  if (tally.notLogged.length > 0) {
    return { code: 'TransparencyLogMissing', reason: summary(tally.notLogged) };
  }
  const faults = evidence.faults.map(({ source, message }) => `${source}: ${message}`);
  if (evidence.signatures.length > 0) {
    const strangers = tally.strangers.length > 0 ? ` (${summary(tally.strangers)})` : '';
    return {
      code: 'UntrustedSignature',
      reason: `${evidence.signatures.length} signature(s), none by a trusted signer${strangers}${lapsed}`,
    };
  }
  return faults.length > 0
    ? { code: 'MalformedSignature', reason: summary(faults) }
    : { code: 'NoSignature', reason: 'no signature was found' };
}

/** Whose signatures might have counted at another time. */
function lapsedSigners({ policy, now }: Pick<Shortfall, 'policy' | 'now'>): string {
  const lapsed = policy.signers.flatMap((signer) => {
    const reason = outOfWindow(signer, now);
    return reason === undefined ? [] : [`"${signer.name}" ${reason}`];
  });
  return lapsed.length === 0 ? '' : `; ${summary(lapsed)}`;
}

async function evaluatePolicyAttestations(
  policy: CompiledPolicy,
  current: readonly Signer[],
  evidence: ImageEvidence,
  { verifier, now, image, asking, budget }: EvaluationContext,
): Promise<PolicyEvaluation> {
  const asked: Asking = {
    transparencyLog: policy.transparencyLog,
    verifier,
    now,
    breathe: () => budget.breathe(),
  };
  const provenBy: ProvenBy = async (candidate, signers, note) => {
    const known = signers.filter((signer) => current.includes(signer));
    const [proof] = await proofsOf(candidate, known, { ...asked, note });
    if (proof === undefined) return undefined;
    const logged = await proveLogged(candidate, proof.signer, asked);
    if (!logged.ok) note(`${proof.signer.name}: ${logged.reason}`);
    return logged.ok ? proof : undefined;
  };
  const { attestations: candidates, faults } = evidence;
  const timeOf: TimeOf = (candidate, proof) => kindOf(proof.signer).proveTime(candidate, proof, verifier);
  try {
    const result = await evaluateAttestations({
      demands: policy.attestations,
      candidates,
      faults,
      image,
      provenBy,
      timeOf,
      now,
      asking,
    });
    return result.ok
      ? { satisfied: true, signers: shownOnce(result.proofs) }
      : { satisfied: false, code: result.code, reason: result.message };
  } catch (error) {
    // A matter of this policy: how strictly it counts is the policy's own mode.
    if (!(error instanceof EngineError) || error.code !== 'EvaluationTimeout') throw error;
    return { satisfied: false, code: error.code, reason: error.message };
  }
}

/** The signers of a verdict, each once for each format. */
function shownOnce(proofs: readonly CountedProof[]): readonly VerdictSigner[] {
  return [...new Map(proofs.map(({ shown }) => [`${shown.name} ${shown.format}`, shown])).values()];
}

/** At most three of them: a hostile repository must not write the whole message. */
function summary(lines: readonly string[]): string {
  const more = lines.length > 3 ? ` (+${lines.length - 3} more)` : '';
  return lines.slice(0, 3).join('; ') + more;
}
