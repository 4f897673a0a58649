// SPDX-License-Identifier: Apache-2.0
import { isPlainHttp } from '../config/registry-settings.ts';
import type { Configuration } from '../config/types.ts';
import type { ResolvedImage } from '../signatures/types.ts';
import { EngineError } from '../errors.ts';
import { formatReference, parseReference, repositoryName } from '../image/reference.ts';
import type { ImageReference } from '../image/types.ts';
import { lapsedExceptions } from '../policy/store/lapsed.ts';
import { matchPolicies, policiesByDigest, policiesMeant } from '../policy/store/match.ts';
import type { Matchable } from '../policy/store/lookup.ts';
import type { PolicySnapshot } from '../policy/store/store.ts';
import type { CompiledPolicy, Mode } from '../policy/types.ts';
import type { RequestScope } from '../registry/types.ts';
import { describeProof, describeSigners } from './message.ts';
import { strictestMode } from './outcome.ts';
import type { TagResolver } from './tags.ts';
import type { DecisionRequest } from './types.ts';
import { verifyImage, type ImageVerificationDependencies } from './verification/verify-image.ts';
import type { PolicyVerification } from './verification/verify-policy.ts';
import {
  isAllowing,
  isOfCluster,
  isVerifying,
  decideWithoutEvidence,
  quoteNames,
  refusal,
  tellingOfLapsed,
  unmatchedMode,
  worstOf,
} from './without-evidence.ts';
import type { VerdictDraft } from './without-evidence.ts';

/** What the stages need of what a decision is made with. */
export interface ImageDecisionDependencies extends Omit<ImageVerificationDependencies, 'owner' | 'budget'> {
  readonly policies: PolicySource;
  readonly tags: TagResolver;
  /** Told of each policy that was satisfied, and by which signers' signatures. */
  readonly counted?: (policy: string, signers: readonly string[]) => void;
}

export interface PolicySource {
  readonly snapshot: () => PolicySnapshot;
  /** Why they must not be decided by any more; undefined: they may. */
  readonly outdated?: () => string | undefined;
}

export type DecisionConfiguration = Pick<Configuration, 'unmatchedImages' | 'enforcement' | 'registries'>;

/** What is known of a decision at one of its stages; each stage returns it anew, and a failure renders the last. */
export interface Known {
  readonly image: string;
  readonly resolved?: string;
  /** It rests on what was read before an outage. */
  readonly stale: boolean;
  readonly policies: readonly CompiledPolicy[];
  /** Whether a policy of the cluster claims it by what is written. */
  readonly isCovered: boolean;
  /** What a failure would mean for admission. */
  readonly mode: Mode;
}

export const NOTHING = { stale: false, policies: [], isCovered: false, mode: 'Enforce' } as const;

/** One decision under way. */
export interface Decision {
  readonly request: DecisionRequest;
  readonly dependencies: ImageDecisionDependencies;
  readonly configuration: DecisionConfiguration;
  readonly snapshot: PolicySnapshot;
  readonly scope: RequestScope;
  /** Milliseconds since the epoch, by which policies apply or have expired. */
  readonly now: number;
  /** Called with what each stage came to know. */
  readonly learn: (known: Known) => Known;
}

export interface Conclusion {
  readonly draft: VerdictDraft;
  readonly known: Known;
}

/**
 * The stages of one decision: match -> resolve -> read and verify -> combine.
 *
 * @throws what any of them fails with; what was known by then is what `learn` was last called with.
 */
export async function decideImage(decision: Decision): Promise<Conclusion> {
  const { dependencies } = decision;
  const outdated = dependencies.policies.outdated?.();
  // What they say of modes is as old.
  if (outdated !== undefined) throw new EngineError('PolicyStale', outdated);
  const reference = readReference(decision);
  const conclusion = await decideReference(reference, decision);
  const { draft, known } = conclusion;
  if (draft.outcome === 'allowed') return conclusion;
  const { digest } = parseReference(known.resolved ?? known.image);
  const found = digest === undefined ? reference : { ...reference, digest };
  const { snapshot, request, now } = decision;
  const lapsed = lapsedExceptions(snapshot, found, request.namespace, now);
  return { draft: tellingOfLapsed(draft, lapsed), known };
}

async function decideReference(reference: Matchable & ImageReference, decision: Decision): Promise<Conclusion> {
  const { configuration, dependencies, learn, scope } = decision;
  const matched = await matchImage(reference, decision);
  const { early, standing, policies } = decideWithoutEvidence(matched.known, configuration.unmatchedImages);
  const claimed = learn({ ...matched.known, policies });
  if (early !== undefined) return { draft: early, known: claimed };
  // Policies that only allow are satisfied: an outage is no matter of theirs.
  const asking = policies.filter((policy) => !isAllowing(policy));
  const asked = learn({ ...claimed, mode: strictestMode([...standing, ...asking]) });
  const { image, known } = matched.image
    ? { image: matched.image, known: asked }
    : await resolveImage(reference, asked, decision);
  const owner = decision.request.namespace.name ?? '';
  const verifications = await Promise.all(
    policies.filter(isVerifying).map((policy) => verifyImage(policy, image, scope, { ...dependencies, owner })),
  );
  for (const verification of verifications) {
    if (!verification.satisfied) continue;
    dependencies.counted?.(
      verification.policy.name,
      verification.signers.map(({ name }) => name),
    );
  }
  return combine(verifications, standing, known);
}

/** @throws EngineError InvalidReference; its mode is that of the policies that may have been meant. */
function readReference({ request, configuration, snapshot, now, learn }: Decision): Matchable & ImageReference {
  try {
    const reference = parseReference(request.image);
    const plainHttp = isPlainHttp(configuration.registries, reference.registry);
    learn({ ...NOTHING, image: formatReference(reference) });
    return { ...reference, plainHttp };
  } catch (error) {
    const { policies, isCovered } = policiesMeant(snapshot, request.image, request.namespace, now);
    const unmatched = { mode: unmatchedMode(configuration.unmatchedImages) };
    const { mode } = policies.some(isOfCluster)
      ? { mode: strictestMode(isCovered ? policies : [...policies, unmatched]) }
      : unmatched;
    learn({ ...NOTHING, image: request.image, mode });
    throw error;
  }
}

interface Matched {
  readonly known: Known;
  /** Where its digest was needed to match. */
  readonly image?: ResolvedImage;
}

/** Which policies apply. Patterns with a digest need the tag resolved first. */
async function matchImage(reference: Matchable & ImageReference, decision: Decision): Promise<Matched> {
  const { snapshot, request, now, learn } = decision;
  const image = formatReference(reference);
  const before = learn({ image, stale: false, ...applicable(reference, decision) });
  const byDigest = policiesByDigest(snapshot, reference, request.namespace, now);
  if (byDigest.length === 0) return { known: before };
  // Until the tag is resolved any of them may apply: a failure must not be more lenient than they are.
  const strict = learn({ ...before, mode: strictestMode([before, ...byDigest]) });
  const resolved = await resolveImage(reference, strict, decision);
  const { digest } = resolved.image;
  const known = learn({ ...resolved.known, ...applicable({ ...reference, digest }, decision) });
  return { known, image: resolved.image };
}

function applicable(
  reference: Matchable,
  { snapshot, request, now }: Decision,
): Pick<Known, 'policies' | 'isCovered' | 'mode'> {
  const matched = matchPolicies(snapshot, reference, request.namespace, now);
  // Where no policy of the cluster applies yet, a namespace's own must not make a failure harmless.
  return { ...matched, mode: matched.isCovered ? strictestMode(matched.policies) : 'Enforce' };
}

/** The one resolution of a decision: what it returns is what is verified, pinned and reported. */
async function resolveImage(
  reference: ImageReference,
  before: Known,
  { dependencies, scope, learn }: Decision,
): Promise<{ readonly image: ResolvedImage; readonly known: Known }> {
  const repository = { registry: reference.registry, path: reference.path };
  const tag = reference.tag === undefined ? {} : { tag: reference.tag };
  const { digest, stale } =
    reference.digest === undefined
      ? await dependencies.tags.resolve({ ...reference, tag: reference.tag ?? 'latest' }, scope)
      : { digest: reference.digest, stale: false };
  const known = learn({ ...before, resolved: `${repositoryName(repository)}@${digest}`, stale });
  return { image: { repository, digest, ...tag }, known };
}

function combine(
  verifications: readonly PolicyVerification[],
  standing: readonly VerdictDraft[],
  before: Known,
): Conclusion {
  const refusals = verifications.flatMap((verification) =>
    verification.satisfied ? [] : [refusalBy(verification, before)],
  );
  const worst = worstOf([...standing, ...refusals]);
  if (worst !== undefined) return { draft: worst, known: before };
  const satisfied = verifications.filter((verification) => verification.satisfied);
  const known = { ...before, stale: before.stale || satisfied.some(({ stale }) => stale) };
  const draft: VerdictDraft = {
    outcome: 'allowed',
    mode: strictestMode(known.policies),
    code: 'Verified',
    message: `image ${known.resolved ?? known.image} is ${describeProof(satisfied)} as ${quoteNames(known.policies)} requires`,
    signers: satisfied.flatMap((verification) => verification.signers),
  };
  return { draft, known };
}

function refusalBy(verification: Exclude<PolicyVerification, { satisfied: true }>, known: Known): VerdictDraft {
  const { policy, code, reason, places, remedy, unaccepted, platforms } = verification;
  const looked = places.length > 0 ? `; looked at ${places.join(', ')}` : '';
  const subject = known.resolved ?? known.image;
  const message = `image ${known.image} (${subject.slice(subject.indexOf('@') + 1)}) does not satisfy policy "${policy.name}": ${reason}; tried ${describeSigners(policy)}${looked}`;
  const grounds = {
    reason,
    ...(unaccepted !== undefined && { unaccepted }),
    ...(platforms !== undefined && { platforms }),
  };
  return { ...refusal(policy, code, { message, ...grounds }), ...(remedy !== undefined && { remedy }) };
}
