// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../text.ts';
import { isPlainHttp } from '../config/registry-settings.ts';
import type { Configuration } from '../config/types.ts';
import type { ResolvedImage } from '../cosign/types.ts';
import { EngineError } from '../errors.ts';
import type { FailureCode } from '../errors.ts';
import { formatReference, parseReference, repositoryName } from '../image/reference.ts';
import type { ImageReference } from '../image/types.ts';
import type { Clock, EngineMetrics } from '../observe.ts';
import { matchPolicies, policiesByDigest } from '../policy/store/match.ts';
import type { Matchable } from '../policy/store/match.ts';
import type { PolicySnapshot } from '../policy/store/store.ts';
import type { CompiledPolicy, Mode } from '../policy/types.ts';
import type { RequestScope } from '../registry/types.ts';
import { withinDeadline } from '../deadline.ts';
import { describeSigners, remedyFor } from './message.ts';
import { outcomeOf, strictestMode } from './outcome.ts';
import type { TagResolver } from './tags.ts';
import type { Decide, DecisionRequest, Verdict } from './types.ts';
import { weigh } from './verify-policy.ts';
import type { Finding, WeighDependencies } from './verify-policy.ts';
import {
  isAllowing,
  isOfCluster,
  isVerifying,
  judgeWithoutEvidence,
  quoteNames,
  refusal,
  worstOf,
} from './without-evidence.ts';
import type { Judged } from './without-evidence.ts';

export interface DecideDependencies extends WeighDependencies {
  readonly policies: PolicySource;
  readonly tags: TagResolver;
  readonly configuration: () => Pick<Configuration, 'unmatchedImages' | 'enforcement' | 'registries'>;
  readonly metrics: EngineMetrics;
  readonly clock: Clock;
}

export interface PolicySource {
  readonly snapshot: () => PolicySnapshot;
  /** Why they must not be decided by any more; undefined: they may. */
  readonly outdated?: () => string | undefined;
}

/** What is known of a decision while it is made; a failure renders what there is. */
interface Progress {
  image: string;
  resolved: string | undefined;
  stale: boolean;
  policies: readonly CompiledPolicy[];
  /** What a failure would mean for admission. */
  mode: Mode;
  /** The configuration admits everything and only records. */
  auditOnly: boolean;
  requests: number;
}

/**
 * One image: match -> resolve -> read and judge -> verdict. Never rejects; an exception, a timeout
 * or a parse failure anywhere below becomes a verdict whose outcome is `error` or `denied`.
 */
export function createDecide(dependencies: DecideDependencies): Decide {
  const { clock, metrics } = dependencies;
  return async (request) => {
    const started = clock();
    const progress: Progress = {
      image: request.image,
      resolved: undefined,
      stale: false,
      policies: [],
      mode: 'Enforce',
      auditOnly: false,
      requests: 0,
    };
    const judged = await judgeOrFail(request, progress, dependencies);
    const verdict = render(judged, progress);
    if (request.background !== true) {
      metrics.decided({ code: verdict.code, outcome: verdict.outcome, mode: verdict.mode }, (clock() - started) / 1000);
    }
    return verdict;
  };
}

async function judgeOrFail(
  request: DecisionRequest,
  progress: Progress,
  dependencies: DecideDependencies,
): Promise<Judged> {
  try {
    return await withinDeadline(judgeImage(request, progress, dependencies), request.signal);
  } catch (error) {
    const code: FailureCode = error instanceof EngineError ? error.code : 'InternalError';
    return {
      outcome: outcomeOf(code),
      mode: progress.mode,
      code,
      message: `${attempted(progress)}: ${errorText(error)}`,
      signers: [],
    };
  }
}

/** Who asked, and about which digest, so far as it was known when it failed. */
function attempted({ image, resolved, policies }: Progress): string {
  const digest = resolved === undefined || image.includes('@') ? '' : ` (${resolved.slice(resolved.indexOf('@') + 1)})`;
  const by = policies.length === 0 ? '' : ` by ${quoteNames(policies)}`;
  return `image ${image}${digest} could not be judged${by}`;
}

async function judgeImage(
  request: DecisionRequest,
  progress: Progress,
  dependencies: DecideDependencies,
): Promise<Judged> {
  const { enforcement, unmatchedImages, registries } = dependencies.configuration();
  progress.auditOnly = enforcement === 'Audit';
  const written = parseReference(request.image);
  const reference = { ...written, plainHttp: isPlainHttp(registries, written.registry) };
  progress.image = formatReference(reference);
  const scope: RequestScope = {
    signal: request.signal,
    keychain: request.keychain,
    count: () => (progress.requests += 1),
  };
  const outdated = dependencies.policies.outdated?.();
  // What they say of modes is as old.
  if (outdated !== undefined) throw new EngineError('PolicyStale', outdated);
  const snapshot = dependencies.policies.snapshot();
  matchTo(snapshot, reference, request, progress);
  let image: ResolvedImage | undefined;
  const byDigest = policiesByDigest(snapshot, reference, request.namespace);
  if (byDigest.length > 0) {
    // Until the tag is resolved any of them may apply: a failure must not be more lenient than they are.
    progress.mode = strictestMode([{ mode: progress.mode }, ...byDigest]);
    image = await resolveImage(reference, scope, progress, dependencies.tags);
    matchTo(snapshot, { ...reference, digest: image.digest }, request, progress);
  }
  const { early, standing, policies } = judgeWithoutEvidence(progress, unmatchedImages);
  progress.policies = policies;
  if (early !== undefined) {
    return early;
  }
  // Policies that only allow are satisfied: an outage is no matter of theirs.
  const asking = progress.policies.filter((policy) => !isAllowing(policy));
  progress.mode = strictestMode([...standing, ...asking]);
  image ??= await resolveImage(reference, scope, progress, dependencies.tags);
  const resolved = image;
  const verifying = progress.policies.filter(isVerifying);
  const findings = await Promise.all(verifying.map((policy) => weigh(policy, resolved, scope, dependencies)));
  return judgeFindings(findings, standing, progress);
}

function matchTo(
  snapshot: PolicySnapshot,
  reference: Matchable,
  { namespace }: DecisionRequest,
  progress: Progress,
): void {
  const { policies } = matchPolicies(snapshot, reference, namespace);
  progress.policies = policies;
  // Where nobody of the cluster speaks yet, a namespace's own policy must not make a failure harmless.
  progress.mode = policies.some(isOfCluster) ? strictestMode(policies) : 'Enforce';
}

/** The one resolution of a decision: what it returns is what is verified, pinned and reported. */
async function resolveImage(
  reference: ImageReference,
  scope: RequestScope,
  progress: Progress,
  tags: TagResolver,
): Promise<ResolvedImage> {
  const repository = { registry: reference.registry, path: reference.path };
  const tag = reference.tag === undefined ? {} : { tag: reference.tag };
  if (reference.digest !== undefined) {
    progress.resolved = `${repositoryName(repository)}@${reference.digest}`;
    return { repository, digest: reference.digest, ...tag };
  }
  const { digest, stale } = await tags.resolve({ ...reference, tag: reference.tag ?? 'latest' }, scope);
  progress.resolved = `${repositoryName(repository)}@${digest}`;
  progress.stale = stale;
  return { repository, digest, ...tag };
}

function judgeFindings(findings: readonly Finding[], standing: readonly Judged[], progress: Progress): Judged {
  const refusals = [
    ...standing,
    ...findings.flatMap((finding) => (finding.satisfied ? [] : [refusalByFinding(finding, progress)])),
  ];
  const worst = worstOf(refusals);
  if (worst !== undefined) {
    return worst;
  }
  const satisfied = findings.filter((finding) => finding.satisfied);
  progress.stale ||= satisfied.some(({ stale }) => stale);
  const signers = satisfied.flatMap((finding) => finding.signers);
  return {
    outcome: 'allowed',
    mode: strictestMode(progress.policies),
    code: 'Verified',
    message: `image ${progress.resolved ?? progress.image} is signed by ${signers.map(({ name }) => `"${name}"`).join(', ')} as ${quoteNames(progress.policies)} demands`,
    signers,
  };
}

function refusalByFinding(finding: Exclude<Finding, { satisfied: true }>, progress: Progress): Judged {
  const { policy, code, reason, places } = finding;
  const looked = places.length > 0 ? `; looked at ${places.join(', ')}` : '';
  const subject = progress.resolved ?? progress.image;
  const message = `image ${progress.image} (${subject.slice(subject.indexOf('@') + 1)}) does not satisfy policy "${policy.name}": ${reason}; tried ${describeSigners(policy)}${looked}`;
  return refusal(policy, code, message);
}

function render(judged: Judged, progress: Progress): Verdict {
  const { remedyPolicy, ...shown } = judged;
  const context = { image: progress.resolved ?? progress.image };
  const remedy =
    judged.outcome === 'allowed'
      ? staleNotice(progress)
      : remedyFor(judged.code, remedyPolicy === undefined ? context : { ...context, policy: remedyPolicy });
  return {
    image: progress.image,
    ...(progress.resolved === undefined ? {} : { resolved: progress.resolved }),
    outcome: shown.outcome,
    mode: progress.auditOnly ? 'Audit' : shown.mode,
    code: shown.code,
    policies: progress.policies.map(({ name }) => name),
    ...(shown.refusedBy === undefined ? {} : { refusedBy: shown.refusedBy }),
    message: shown.message,
    remedy,
    signers: shown.signers,
    registryRequests: progress.requests,
  };
}

/** An allowed verdict has a remedy only where it rests on what was read before an outage. */
function staleNotice(progress: Progress): string {
  return progress.stale
    ? 'The registry cannot be asked now: this rests on what was verified before. See why it is out of reach.'
    : '';
}
