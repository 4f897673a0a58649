// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import { remainingMilliseconds, startDeadline } from '../http/deadline.ts';
import { imageResultOf, isRefused } from './decision/image-result.ts';
import { decideImages, recallImages } from './decision/decide-images.ts';
import { createRecord, logDecisions } from './answer/record.ts';
import { allow, refuse } from './answer/response.ts';
import { parseReview } from './request/review.ts';
import { scopeOf } from './request/scope.ts';
import { subjectOf } from './request/subject.ts';
import { auditAnnotationsOf, refusalStatus, warningsOf } from './answer/wording.ts';
import type { Configuration } from '../../core/config/types.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { Denial, ReviewRecord } from '../../core/verdict/review-record.ts';
import type { Decide, Verdict } from '../../core/verdict/types.ts';
import type { Arrival } from '../http/door.ts';
import type { Endpoint, ImageResult, ResultContext } from './decision/image-result.ts';
import type { TimedVerdict } from './decision/decide-images.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import type { AdmissionReviewResponse } from './answer/response.ts';
import type { ReviewFault, ReviewRequest } from './request/review.ts';
import type { ImagesToDecide } from './request/scope.ts';

/** What a decision needs from its surroundings. Whatever fails here refuses the review. */
export interface ReviewDecisions {
  readonly decide: Decide;
  /** What was decided a moment ago about an image in the namespace of that name, where that still holds. */
  readonly recall?: (image: string, namespace: string) => Verdict | undefined;
  /** Labels of a namespace by name. */
  readonly namespaceContext: (name: string) => Promise<NamespaceContext>;
  readonly keychainFor: (pull: PullIdentity) => Keychain;
}

type AdmissionConfiguration = Pick<
  Configuration,
  'enforcement' | 'contact' | 'pinDigests' | 'excludedNamespaces' | 'auditedNamespaces' | 'deadlineSeconds'
>;

export interface ReviewHandlerDependencies extends ReviewDecisions {
  /** The configuration in force now. */
  readonly configuration: () => AdmissionConfiguration;
  /** Where Cosignet itself runs; empty outside of a cluster. */
  readonly ownNamespace: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly observe: ReviewObserver;
}

export interface ReviewObserver {
  /** One review answered; seconds in the handler. */
  request(labels: { readonly endpoint: Endpoint; readonly result: ReviewResult }, seconds: number): void;
  /** A refusal that was not a dry run: Events and notifications are made of these. */
  denied(denial: Denial): void;
  /** One review in which images were decided about, whatever came of it: traces are made of these. */
  reviewed?(record: ReviewRecord): void;
}

/** `skipped`: allowed since there was nothing to decide. */
export type ReviewResult = 'allowed' | 'skipped' | 'denied' | 'error';

/** Answers one AdmissionReview; never rejects. `signal`: the caller has gone. */
export type ReviewHandler = (
  endpoint: Endpoint,
  review: unknown,
  signal: AbortSignal,
  arrival?: Arrival,
) => Promise<AdmissionReviewResponse>;

interface Answer {
  readonly result: ReviewResult;
  readonly review: AdmissionReviewResponse;
  readonly record?: ReviewRecord;
  readonly denial?: Denial;
}

interface Call {
  readonly endpoint: Endpoint;
  readonly request: ReviewRequest;
  readonly signal: AbortSignal;
  readonly arrival: Arrival;
  /** By the clock. */
  readonly startedAt: number;
}

export function createReviewHandler(dependencies: ReviewHandlerDependencies): ReviewHandler {
  const { clock } = dependencies;
  // oxlint-disable-next-line max-params -- the arrival is known over HTTP only
  return async (endpoint, review, signal, arrival = { elapsedMilliseconds: 0 }) => {
    const started = clock();
    const parsed = parseReview(review);
    const answer =
      'fault' in parsed
        ? refuseUndecided(dependencies, parsed.fault)
        : await answerOrFail(dependencies, { endpoint, request: parsed.request, signal, arrival, startedAt: started });
    count(dependencies, answer, { endpoint, milliseconds: clock() - started });
    return answer.review;
  };
}

async function answerOrFail(dependencies: ReviewHandlerDependencies, call: Call): Promise<Answer> {
  const { uid } = call.request;
  try {
    return await answerReview(dependencies, call);
  } catch (error) {
    // A bug, or a configuration that cannot be read: refuse, whatever the modes say.
    dependencies.log.error('admission review failed', { endpoint: call.endpoint, uid, error: errorText(error) });
    const status = { code: 500, reason: 'InternalError', message: 'Cosignet failed inside; see its logs' } as const;
    return { result: 'error', review: refuse(uid, status) };
  }
}

/** A malformed review, or one of a kind that is not ours to decide. */
function refuseUndecided({ log }: ReviewHandlerDependencies, { uid, message }: ReviewFault): Answer {
  log.warn('admission review refused unjudged', { uid, reason: message });
  return { result: 'error', review: refuse(uid, { code: 400, reason: 'BadRequest', message }) };
}

function count(
  { log, observe }: ReviewHandlerDependencies,
  answer: Answer,
  { endpoint, milliseconds }: { endpoint: Endpoint; milliseconds: number },
): void {
  try {
    // A clock that was set back must not count backwards.
    observe.request({ endpoint, result: answer.result }, Math.max(0, milliseconds) / 1000);
    if (answer.record !== undefined) {
      logDecisions(log, answer.record);
      observe.reviewed?.(answer.record);
    }
    if (answer.denial !== undefined) observe.denied(answer.denial);
  } catch (error) {
    log.error('admission review was answered but not counted', { error: errorText(error) });
  }
}

async function answerReview(dependencies: ReviewHandlerDependencies, call: Call): Promise<Answer> {
  const configuration = dependencies.configuration();
  if (!configuration.auditedNamespaces.includes(call.request.namespace)) {
    return answerBy(configuration, dependencies, call);
  }
  return auditReview(configuration, dependencies, call);
}

/** For a namespace that must not wait for us, and whose administrators said so: whatever happens, it is admitted as it is. */
async function auditReview(
  configuration: AdmissionConfiguration,
  dependencies: ReviewHandlerDependencies,
  call: Call,
): Promise<Answer> {
  const { uid, namespace } = call.request;
  const admitted = allow(uid);
  // Only what validates is asked to look here; this is for a caller with other rules.
  if (call.endpoint === 'mutate') return { result: 'skipped', review: admitted };
  try {
    // Nobody pinned, so that tags are judged by what they lead to now.
    const observing = { ...configuration, enforcement: 'Audit', pinDigests: 'None' } as const;
    const answer = await answerBy(observing, dependencies, call);
    return answer.review.response.allowed ? answer : { result: 'error', review: admitted };
  } catch (error) {
    dependencies.log.error('an audited review failed', { uid, namespace, error: errorText(error) });
    return { result: 'error', review: admitted };
  }
}

async function answerBy(
  configuration: AdmissionConfiguration,
  dependencies: ReviewHandlerDependencies,
  call: Call,
): Promise<Answer> {
  const { request } = call;
  const scope = scopeOf(request, {
    ownNamespace: dependencies.ownNamespace,
    excludedNamespaces: configuration.excludedNamespaces,
  });
  if (scope.kind === 'nothing') return { result: 'skipped', review: allow(request.uid) };
  if (scope.kind === 'refused') {
    return refuseUndecided(dependencies, { uid: request.uid, message: scope.message });
  }
  const results = await decideScope(scope, { dependencies, call, configuration });
  return answerResults(dependencies, call, results);
}

interface CallContext {
  readonly dependencies: ReviewHandlerDependencies;
  readonly call: Call;
  readonly configuration: ResultContext['configuration'] & Pick<Configuration, 'deadlineSeconds'>;
}

/** The same image in several places is decided once: one resolve, one digest, one answer. */
async function decideScope(scope: ImagesToDecide, context: CallContext): Promise<readonly ImageResult[]> {
  const { call, configuration } = context;
  const { recall, clock } = context.dependencies;
  const { namespace } = call.request;
  const byImage = Map.groupBy(scope.fields, (field) => field.image);
  const images = [...byImage.keys()];
  const decisions = recallImages(images, (image) => recall?.(image, namespace), clock);
  const unknown = images.filter((image) => !decisions.has(image));
  if (unknown.length > 0) {
    const decided = await decideInTime(unknown, scope, context);
    for (const [index, timed] of decided.entries()) decisions.set(unknown[index] ?? '', timed);
  }
  const review: ResultContext = { endpoint: call.endpoint, row: scope.row, configuration };
  return images.map((image) => {
    const timed = decisions.get(image);
    if (timed === undefined) throw new Error('an image without a verdict');
    return imageResultOf(image, byImage.get(image) ?? [], { timed, context: review });
  });
}

/** Within the time that the API server waits. */
async function decideInTime(
  images: readonly string[],
  { pull }: ImagesToDecide,
  { dependencies, call, configuration }: CallContext,
): Promise<readonly TimedVerdict[]> {
  const { decide, clock, namespaceContext, keychainFor } = dependencies;
  const deadline = startDeadline(remainingMilliseconds(configuration.deadlineSeconds, call.arrival), call.signal);
  try {
    return await decideImages(images, {
      decide,
      deadline,
      clock,
      namespace: () => namespaceContext(call.request.namespace),
      keychain: () => keychainFor(pull),
    });
  } finally {
    deadline.end();
  }
}

function answerResults(
  { clock, configuration }: ReviewHandlerDependencies,
  call: Call,
  results: readonly ImageResult[],
): Answer {
  const { endpoint, request, arrival, startedAt } = call;
  const readers = { namespace: request.namespace, contact: configuration().contact };
  const notes = { warnings: warningsOf(results, readers), auditAnnotations: auditAnnotationsOf(results) };
  const refused = results.filter(isRefused);
  const { traceparent } = arrival;
  const record = createRecord(results, {
    endpoint,
    request,
    time: { startedAt, endedAt: Math.max(startedAt, clock()) },
    ...(traceparent !== undefined && { traceparent }),
  });
  if (refused.length === 0) {
    const patch = endpoint === 'mutate' ? results.flatMap((result) => result.patch) : [];
    return { result: 'allowed', review: allow(request.uid, notes, patch), record };
  }
  const status = refusalStatus(results, readers);
  const answer: Answer = {
    result: status.code === 403 ? 'denied' : 'error',
    review: refuse(request.uid, status, notes),
    record,
  };
  // A dry run is answered alike and leaves no trace in the cluster (sideEffects: None).
  if (request.dryRun) return answer;
  const { kind, name } = record;
  const subject = subjectOf(request);
  const verdicts = refused.map((result) => result.verdict);
  return {
    ...answer,
    denial: { ...readers, kind, name, message: status.message, verdicts, ...(subject !== undefined && { subject }) },
  };
}
