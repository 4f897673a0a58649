// SPDX-License-Identifier: Apache-2.0
import { isRefused, placedVerdictOf } from '../decision/image-result.ts';
import { createRecord } from './record.ts';
import { allowance, allowing, refuse } from './response.ts';
import { auditAnnotationsOf, refusalStatus, warningsOf } from './wording.ts';
import type { Configuration } from '../../../core/config/types.ts';
import type { Clock } from '../../../core/observe.ts';
import type { Denial, ReviewRecord } from '../../../core/verdict/review-record.ts';
import type { Arrival } from '../../http/door.ts';
import type { TimedVerdict } from '../decision/decide-images.ts';
import type { Endpoint, ImageResult, PlacedVerdict, ResultContext } from '../decision/image-result.ts';
import type { AnswerGround, Prepared } from '../decision/prepared.ts';
import type { Asked } from '../request/asked.ts';
import type { ImagesToDecide } from '../request/scope.ts';
import type { AdmissionReviewResponse, Allowance, Notes } from './response.ts';
import type { Readers } from './wording.ts';

/** `skipped`: allowed since there was nothing to decide. */
export type ReviewResult = 'allowed' | 'skipped' | 'denied' | 'error';

export interface Answer {
  readonly result: ReviewResult;
  readonly review: AdmissionReviewResponse;
  readonly record?: ReviewRecord;
  readonly denial?: Denial;
}

/** What an answer that allows, with nothing to warn of, is made of. */
interface Preparation {
  readonly placed: readonly PlacedVerdict[];
  readonly allowance: Allowance;
}

export type Preparations = Prepared<Preparation>;

export interface DecidedCall {
  readonly endpoint: Endpoint;
  readonly asked: Asked;
  readonly configuration: Pick<Configuration, 'enforcement' | 'pinDigests' | 'contact'>;
  readonly arrival: Arrival;
  /** By the clock. */
  readonly startedAt: number;
}

interface DecidedContext {
  readonly prepared: Preparations;
  readonly clock: Clock;
  readonly call: DecidedCall;
}

/** One verdict for each image, in the order in which they first occur. */
export function answerDecided(
  scope: ImagesToDecide,
  decisions: ReadonlyMap<string, TimedVerdict>,
  { prepared, clock, call }: DecidedContext,
): Answer {
  const { endpoint, asked, configuration } = call;
  const timed = [...decisions.values()];
  const ground: AnswerGround = {
    endpoint,
    row: scope.row,
    namespace: asked.namespace,
    configuration,
    fields: scope.fields,
    verdicts: timed.map(({ verdict }) => verdict),
  };
  const known = prepared.find(ground);
  const placed = known?.placed ?? placeVerdicts(scope, decisions, call);
  const results = placed.map((one, index): ImageResult => withTime(one, timed[index]));
  const record = recordOf(results, clock, call);
  if (known) return { result: 'allowed', review: allowing(asked.uid, known.allowance), record };
  const readers = { namespace: asked.namespace, contact: configuration.contact };
  const notes = { warnings: warningsOf(results, readers), auditAnnotations: auditAnnotationsOf(results) };
  if (results.some(isRefused)) return refusalOf(results, { call, readers, notes, record });
  const rest = allowance(notes, endpoint === 'mutate' ? placed.flatMap(({ patch }) => patch) : []);
  if (notes.warnings.length === 0) prepared.keep(ground, { placed, allowance: rest });
  return { result: 'allowed', review: allowing(asked.uid, rest), record };
}

function withTime({ fields, verdict, mode, patch }: PlacedVerdict, timed: TimedVerdict | undefined): ImageResult {
  if (timed === undefined) throw new Error('an image without a verdict');
  return { fields, verdict, mode, patch, time: timed.time };
}

/** In the order of the decisions. */
function placeVerdicts(
  { row, fields }: ImagesToDecide,
  decisions: ReadonlyMap<string, TimedVerdict>,
  { endpoint, configuration }: DecidedCall,
): readonly PlacedVerdict[] {
  const byImage = Map.groupBy(fields, (field) => field.image);
  const context: ResultContext = { endpoint, row, configuration };
  return [...decisions].map(([image, { verdict }]) =>
    placedVerdictOf(image, byImage.get(image) ?? [], { verdict, context }),
  );
}

function recordOf(results: readonly ImageResult[], clock: Clock, call: DecidedCall): ReviewRecord {
  const { endpoint, asked, arrival, startedAt } = call;
  const time = { startedAt, endedAt: Math.max(startedAt, clock()) };
  return createRecord(results, { endpoint, asked, time, traceparent: arrival.traceparent });
}

interface RefusalContext {
  readonly call: DecidedCall;
  readonly readers: Readers;
  readonly notes: Notes;
  readonly record: ReviewRecord;
}

function refusalOf(results: readonly ImageResult[], { call, readers, notes, record }: RefusalContext): Answer {
  const { asked } = call;
  const status = refusalStatus(results, readers);
  const answer: Answer = {
    result: status.code === 403 ? 'denied' : 'error',
    review: refuse(asked.uid, status, notes),
    record,
  };
  // A dry run is answered alike and leaves no trace in the cluster (sideEffects: None).
  if (asked.dryRun) return answer;
  const { kind, name } = record;
  const { subject } = asked;
  const verdicts = results.filter(isRefused).map((result) => result.verdict);
  return {
    ...answer,
    denial: { ...readers, kind, name, message: status.message, verdicts, ...(subject !== undefined && { subject }) },
  };
}
