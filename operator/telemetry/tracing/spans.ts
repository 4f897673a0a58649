// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { printable } from '../../../core/text.ts';
import type { ImageDecision, ReviewRecord, TimeSpan } from '../../../core/verdict/review-record.ts';
import type { TraceContext } from './sampler.ts';

/** A span in OTLP's JSON: ids are hex, 64-bit numbers are text. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1: internal, 2: server. */
  readonly kind: 1 | 2;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly OtlpAttribute[];
  /** 0: unset, 2: error. */
  readonly status: { readonly code: 0 | 2; readonly message?: string };
}

export interface OtlpAttribute {
  readonly key: string;
  readonly value: OtlpValue;
}

type OtlpValue =
  | { readonly stringValue: string }
  | { readonly intValue: string }
  | { readonly boolValue: boolean }
  | { readonly arrayValue: { readonly values: readonly OtlpValue[] } };

const TEXT_MOST = 512;
const IMAGES_MOST = 100;

/** One span for the review, one for each image in it. A refusal is a decision, not an error: errors are what failed. */
export function spansOf(record: ReviewRecord, { traceId, parentSpanId }: TraceContext): readonly OtlpSpan[] {
  const spanId = newSpanId();
  const review: OtlpSpan = {
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: `admission ${record.endpoint}`,
    kind: 2,
    ...timesOf(record.time),
    attributes: attributes({
      'cosignet.endpoint': record.endpoint,
      'cosignet.review.uid': record.uid,
      'cosignet.review.outcome': record.outcome,
      'cosignet.review.operation': record.operation,
      'cosignet.review.dry_run': record.dryRun,
      'cosignet.object.kind': record.kind,
      'cosignet.object.name': record.name,
      'k8s.namespace.name': record.namespace,
    }),
    status: { code: record.decisions.some(({ verdict }) => verdict.outcome === 'error') ? 2 : 0 },
  };
  const images = record.decisions.slice(0, IMAGES_MOST).map((decision): OtlpSpan => {
    return imageSpan(decision, { traceId, parentSpanId: spanId });
  });
  return [review, ...images];
}

function imageSpan(
  { verdict, mode, refused, time }: ImageDecision,
  parent: { readonly traceId: string; readonly parentSpanId: string },
): OtlpSpan {
  const failed = verdict.outcome === 'error';
  return {
    ...parent,
    spanId: newSpanId(),
    name: 'check image',
    kind: 1,
    ...timesOf(time),
    attributes: attributes({
      'cosignet.image': verdict.image,
      ...(verdict.resolved !== undefined && { 'cosignet.image.resolved': verdict.resolved }),
      'cosignet.outcome': verdict.outcome,
      'cosignet.code': verdict.code,
      'cosignet.mode': mode,
      'cosignet.refused': refused,
      'cosignet.policies': verdict.policies.slice(0, 16),
      'cosignet.registry.requests': verdict.registryRequests,
    }),
    status: failed ? { code: 2, message: plain(verdict.message) } : { code: 0 },
  };
}

function newSpanId(): string {
  return randomBytes(8).toString('hex');
}

function timesOf({ startedAt, endedAt }: TimeSpan): Pick<OtlpSpan, 'startTimeUnixNano' | 'endTimeUnixNano'> {
  return { startTimeUnixNano: nanoseconds(startedAt), endTimeUnixNano: nanoseconds(endedAt) };
}

function nanoseconds(milliseconds: number): string {
  return `${Math.trunc(milliseconds)}000000`;
}

type Attribute = string | number | boolean | readonly string[];

/** `{key, value}` pairs, as OTLP writes them. */
export function attributes(values: Readonly<Record<string, Attribute>>): readonly OtlpAttribute[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: otlpValue(value) }));
}

function otlpValue(value: Attribute): OtlpValue {
  if (typeof value === 'string') return { stringValue: plain(value) };
  if (typeof value === 'number') return { intValue: String(value) };
  if (typeof value === 'boolean') return { boolValue: value };
  return { arrayValue: { values: value.map((item) => ({ stringValue: plain(item) })) } };
}

function plain(text: string): string {
  return printable(text.slice(0, TEXT_MOST), '?').toWellFormed();
}
