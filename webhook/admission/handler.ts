// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../core/text.ts';
import { remainingMilliseconds, startDeadline } from '../http/deadline.ts';
import { createPrepared } from './decision/prepared.ts';
import { decideImages, recallImages } from './decision/decide-images.ts';
import { answerDecided, type Answer, type Preparations, type ReviewResult } from './answer/decided.ts';
import { logDecisions } from './answer/record.ts';
import { allow, refuse } from './answer/response.ts';
import { parseReview } from './request/review.ts';
import { scopeOf } from './request/scope.ts';
import { askedOf } from './request/asked.ts';
import type { Configuration } from '../../core/config/types.ts';
import type { Clock, Logger } from '../../core/observe.ts';
import type { NamespaceContext } from '../../core/policy/types.ts';
import type { Keychain } from '../../core/registry/types.ts';
import type { Denial, ReviewRecord } from '../../core/verdict/review-record.ts';
import type { Decide, Verdict } from '../../core/verdict/types.ts';
import type { Arrival, CallerPresence } from '../http/door.ts';
import type { Endpoint } from './decision/image-result.ts';
import type { TimedVerdict } from './decision/decide-images.ts';
import type { PullIdentity } from '../../core/registry/credentials/pull-identity.ts';
import type { AdmissionReviewResponse } from './answer/response.ts';
import type { Asked } from './request/asked.ts';
import type { ReviewFault, ReviewRequest } from './request/review.ts';
import type { ImagesToDecide, Scope } from './request/scope.ts';

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
  | 'enforcement'
  | 'contact'
  | 'pinDigests'
  | 'excludedNamespaces'
  | 'auditedNamespaces'
  | 'workloads'
  | 'deadlineSeconds'
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

/** What is known already is there at once, and all else later. */
type Soon<T> = T | Promise<T>;

/** Answers one AdmissionReview, of which it holds nothing once it has returned; never rejects. */
export type ReviewHandler = (
  endpoint: Endpoint,
  review: unknown,
  caller: CallerPresence,
  arrival?: Arrival,
) => Soon<AdmissionReviewResponse>;

interface Call {
  readonly endpoint: Endpoint;
  readonly asked: Asked;
  readonly scope: Scope | { readonly kind: 'failed'; readonly error: unknown };
  readonly configuration: AdmissionConfiguration;
  readonly caller: CallerPresence;
  readonly arrival: Arrival;
  /** By the clock. */
  readonly startedAt: number;
}

export function createReviewHandler(dependencies: ReviewHandlerDependencies): ReviewHandler {
  const { clock } = dependencies;
  const prepared: Preparations = createPrepared();
  // Not async: its frame would hold the review, and with it the objects, until the answer.
  // oxlint-disable-next-line max-params -- the arrival is known over HTTP only
  return (endpoint, review, caller, arrival = { elapsedMilliseconds: 0 }) => {
    const startedAt = clock();
    const read = readReview(dependencies, endpoint, review);
    const answer =
      'result' in read
        ? read
        : answerOrFail({ dependencies, prepared, call: callOf(read, { endpoint, caller, arrival, startedAt }) });
    const told = (answered: Answer): AdmissionReviewResponse => {
      count(dependencies, answered, { endpoint, milliseconds: clock() - startedAt });
      return answered.review;
    };
    return answer instanceof Promise ? answer.then(told) : told(answer);
  };
}

/** All that is needed of a review. */
type WhatIsAsked = Pick<Call, 'asked' | 'scope' | 'configuration'>;
/** Or its answer already, where there is nothing to wait for. */
type ReadReview = WhatIsAsked | Answer;

/** Written out: to spread is slow, and each review makes one. */
function callOf(
  { asked, scope, configuration }: WhatIsAsked,
  { endpoint, caller, arrival, startedAt }: Omit<Call, keyof WhatIsAsked>,
): Call {
  return { endpoint, asked, scope, configuration, caller, arrival, startedAt };
}

/** Never throws. */
function readReview(dependencies: ReviewHandlerDependencies, endpoint: Endpoint, review: unknown): ReadReview {
  const parsed = parseReview(review);
  if ('fault' in parsed) return refuseUndecided(dependencies, parsed.fault);
  const { request } = parsed;
  try {
    const configuration = dependencies.configuration();
    return { asked: askedOf(request), scope: scopeOrFailure(dependencies, configuration, request), configuration };
  } catch (error) {
    return failed(dependencies, { endpoint, uid: request.uid }, error);
  }
}

/** What it means that this fails depends on the namespace. */
function scopeOrFailure(
  { ownNamespace }: ReviewHandlerDependencies,
  { excludedNamespaces, workloads }: AdmissionConfiguration,
  request: ReviewRequest,
): Call['scope'] {
  try {
    return scopeOf(request, { ownNamespace, excludedNamespaces, workloads });
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** Neither throws nor rejects. */
function answerOrFail(context: CallContext): Soon<Answer> {
  const { endpoint, asked } = context.call;
  const fail = (error: unknown): Answer => failed(context.dependencies, { endpoint, uid: asked.uid }, error);
  try {
    const answer = answerReview(context);
    return answer instanceof Promise ? answer.catch(fail) : answer;
  } catch (error) {
    return fail(error);
  }
}

/** A bug, or a configuration that cannot be read: refuse, whatever the modes say. */
function failed(
  { log }: ReviewHandlerDependencies,
  { endpoint, uid }: { readonly endpoint: Endpoint; readonly uid: string },
  error: unknown,
): Answer {
  log.error('admission review failed', { endpoint, uid, error: errorText(error) });
  const status = { code: 500, reason: 'InternalError', message: 'Cosignet failed inside; see its logs' } as const;
  return { result: 'error', review: refuse(uid, status) };
}

/** A malformed review, or one of a kind that is not ours to decide. */
function refuseUndecided({ log }: ReviewHandlerDependencies, { uid, message }: ReviewFault): Answer {
  log.warn('admission review refused undecided', { uid, reason: message });
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

function answerReview(context: CallContext): Soon<Answer> {
  const { configuration, asked } = context.call;
  return configuration.auditedNamespaces.includes(asked.namespace) ? auditReview(context) : answerScope(context);
}

/** For a namespace that must not wait for us, and whose administrators said so: whatever happens, it is admitted as it is. */
async function auditReview(context: CallContext): Promise<Answer> {
  const { dependencies, call } = context;
  const { uid, namespace } = call.asked;
  const admitted = allow(uid);
  // Only what validates is asked to look here; this is for a caller with other rules.
  if (call.endpoint === 'mutate') return { result: 'skipped', review: admitted };
  try {
    // Nobody pinned, so that tags are checked by what they lead to now.
    const configuration = { ...call.configuration, enforcement: 'Audit', pinDigests: 'None' } as const;
    const answer = await answerScope({ ...context, call: { ...call, configuration } });
    return answer.review.response.allowed ? answer : { result: 'error', review: admitted };
  } catch (error) {
    dependencies.log.error('an audited review failed', { uid, namespace, error: errorText(error) });
    return { result: 'error', review: admitted };
  }
}

function answerScope(context: CallContext): Soon<Answer> {
  const { dependencies, call } = context;
  const { asked, scope } = call;
  if (scope.kind === 'failed') throw scope.error;
  if (scope.kind === 'nothing') return { result: 'skipped', review: allow(asked.uid) };
  if (scope.kind === 'refused') return refuseUndecided(dependencies, { uid: asked.uid, message: scope.message });
  const decidedContext = { prepared: context.prepared, clock: dependencies.clock, call };
  const decisions = decideScope(scope, context);
  return decisions instanceof Promise
    ? decisions.then((decided) => answerDecided(scope, decided, decidedContext))
    : answerDecided(scope, decisions, decidedContext);
}

interface CallContext {
  readonly dependencies: ReviewHandlerDependencies;
  readonly prepared: Preparations;
  readonly call: Call;
}

/** By image. The same image in several places is decided once: one resolve, one digest, one answer. */
function decideScope(scope: ImagesToDecide, context: CallContext): Soon<ReadonlyMap<string, TimedVerdict>> {
  const { recall, clock } = context.dependencies;
  const { namespace } = context.call.asked;
  const images = new Set<string>();
  for (const { image } of scope.fields) images.add(image);
  const decisions = recallImages(images, (image) => recall?.(image, namespace), clock);
  if (decisions.size === images.size) return decisions;
  const unknown = [...images].filter((image) => !decisions.has(image));
  return decideInTime(unknown, scope, context).then((decided) => {
    for (const [index, timed] of decided.entries()) decisions.set(unknown[index] ?? '', timed);
    // In the order of the fields.
    return new Map([...images].map((image) => [image, decisionOf(image, decisions)]));
  });
}

function decisionOf(image: string, decisions: ReadonlyMap<string, TimedVerdict>): TimedVerdict {
  const timed = decisions.get(image);
  if (timed === undefined) throw new Error('an image without a verdict');
  return timed;
}

/** Within the time that the API server waits. */
async function decideInTime(
  images: readonly string[],
  { pull }: ImagesToDecide,
  { dependencies, call }: CallContext,
): Promise<readonly TimedVerdict[]> {
  const { decide, clock, namespaceContext, keychainFor } = dependencies;
  const deadline = startDeadline(
    remainingMilliseconds(call.configuration.deadlineSeconds, call.arrival),
    call.caller.signal,
  );
  try {
    return await decideImages(images, {
      decide,
      deadline,
      clock,
      namespace: () => namespaceContext(call.asked.namespace),
      keychain: () => keychainFor(pull),
    });
  } finally {
    deadline.end();
  }
}
