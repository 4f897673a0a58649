// SPDX-License-Identifier: Apache-2.0
import { isRefused } from '../decision/image-result.ts';
import { oneLine } from '../../../core/text.ts';
import type { Logger } from '../../../core/observe.ts';
import type { ReviewRecord, TimeSpan } from '../../../core/verdict/review-record.ts';
import type { Endpoint, ImageResult } from '../decision/image-result.ts';
import type { Asked } from '../request/asked.ts';

interface RecordContext {
  readonly endpoint: Endpoint;
  readonly asked: Asked;
  readonly time: TimeSpan;
  readonly traceparent?: string;
}

const IMAGE_MOST = 512;
const MESSAGE_MOST = 1500;

export function createRecord(results: readonly ImageResult[], context: RecordContext): ReviewRecord {
  const { asked, ...rest } = context;
  const { uid, namespace, kind, name, generateName, owner, user, operation, dryRun } = asked;
  return {
    ...rest,
    uid,
    namespace,
    kind: kind.kind,
    name,
    ...(generateName !== undefined && { generateName }),
    ...(owner !== undefined && { owner: `${owner.kind}/${owner.name}` }),
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
  };
}

/** One line a decision; the names of its fields are those of the verdict. */
export function logDecisions(log: Logger, record: ReviewRecord): void {
  const { endpoint, uid, namespace, kind, name, generateName, owner, user, dryRun } = record;
  for (const { verdict, mode, refused, time } of record.decisions) {
    const { image, resolved, outcome, code, policies, message, registryRequests } = verdict;
    log.info(refused ? 'refused' : 'admitted', {
      image: oneLine(image, IMAGE_MOST),
      ...(resolved !== undefined && { resolved: oneLine(resolved, IMAGE_MOST) }),
      outcome,
      code,
      policies,
      mode,
      namespace,
      kind,
      name,
      ...(generateName !== undefined && { generateName }),
      ...(owner !== undefined && { owner }),
      user,
      endpoint,
      requests: registryRequests,
      milliseconds: time.endedAt - time.startedAt,
      uid,
      ...(dryRun && { dryRun }),
      ...(outcome !== 'allowed' && { reason: oneLine(message, MESSAGE_MOST) }),
    });
  }
}
