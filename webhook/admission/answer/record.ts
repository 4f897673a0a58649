// SPDX-License-Identifier: Apache-2.0
import { isRefused } from '../decision/image-result.ts';
import { oneLine } from '../../../core/text.ts';
import type { LogFields, Logger } from '../../../core/observe.ts';
import type { ImageDecision, ReviewRecord, TimeSpan } from '../../../core/verdict/review-record.ts';
import type { Endpoint, ImageResult } from '../decision/image-result.ts';
import type { Asked } from '../request/asked.ts';

interface RecordContext {
  readonly endpoint: Endpoint;
  readonly asked: Asked;
  readonly time: TimeSpan;
  readonly traceparent: string | undefined;
}

const IMAGE_MOST = 512;
const MESSAGE_MOST = 1500;

export function createRecord(results: readonly ImageResult[], context: RecordContext): ReviewRecord {
  const { endpoint, asked, time, traceparent } = context;
  const { uid, namespace, kind, name, generateName, owner, user, operation, dryRun } = asked;
  // No parts spread into it: each review makes one.
  return {
    endpoint,
    uid,
    namespace,
    kind: kind.kind,
    name,
    generateName,
    owner: owner && `${owner.kind}/${owner.name}`,
    user,
    operation,
    dryRun,
    outcome: results.some(isRefused) ? 'refused' : 'admitted',
    decisions: results.map((result) => ({
      verdict: result.verdict,
      mode: result.mode,
      refused: isRefused(result),
      time: result.time,
    })),
    time,
    traceparent,
  };
}

/** One line a decision; the names of its fields are those of the verdict. */
export function logDecisions(log: Logger, record: ReviewRecord): void {
  for (const decision of record.decisions) {
    log.info(decision.refused ? 'refused' : 'admitted', fieldsOf(record, decision));
  }
}

/** What is undefined is left out of the line. */
function fieldsOf(record: ReviewRecord, { verdict, mode, time }: ImageDecision): LogFields {
  const { outcome } = verdict;
  return {
    image: oneLine(verdict.image, IMAGE_MOST),
    resolved: verdict.resolved && oneLine(verdict.resolved, IMAGE_MOST),
    outcome,
    code: verdict.code,
    policies: verdict.policies,
    mode,
    namespace: record.namespace,
    kind: record.kind,
    name: record.name,
    generateName: record.generateName,
    owner: record.owner,
    user: record.user,
    endpoint: record.endpoint,
    requests: verdict.registryRequests,
    milliseconds: time.endedAt - time.startedAt,
    uid: record.uid,
    dryRun: record.dryRun || undefined,
    reason: outcome === 'allowed' ? undefined : oneLine(verdict.message, MESSAGE_MOST),
  };
}
