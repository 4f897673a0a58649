// SPDX-License-Identifier: Apache-2.0
import { isRefused } from '../decision/image-result.ts';
import { oneLine } from '../../../core/text.ts';
import type { Logger } from '../../../core/observe.ts';
import type { ReviewRecord, TimeSpan } from '../../../core/verdict/review-record.ts';
import type { Endpoint, ImageResult } from '../decision/image-result.ts';
import { controllerOf, generateNameOf } from '../request/subject.ts';
import type { ReviewRequest } from '../request/review.ts';

interface RecordContext {
  readonly endpoint: Endpoint;
  readonly request: ReviewRequest;
  readonly time: TimeSpan;
  readonly traceparent?: string;
}

/** Names are checked by the API server only after admission, so that until then they may hold anything. */
const NAME_MOST = 253;
const IMAGE_MOST = 512;
const MESSAGE_MOST = 1500;

export function createRecord(results: readonly ImageResult[], context: RecordContext): ReviewRecord {
  const { request, ...rest } = context;
  return {
    ...rest,
    uid: request.uid,
    namespace: request.namespace,
    kind: request.kind.kind,
    name: oneLine(request.name, NAME_MOST),
    ...workloadOf(request),
    user: oneLine(request.user, NAME_MOST),
    operation: request.operation,
    dryRun: request.dryRun,
    outcome: results.some(isRefused) ? 'refused' : 'admitted',
    decisions: results.map((result) => ({
      verdict: result.verdict,
      mode: result.mode,
      refused: isRefused(result),
      time: result.time,
    })),
  };
}

/** What tells a Pod that has no name yet. */
function workloadOf(request: ReviewRequest): Pick<ReviewRecord, 'generateName' | 'owner'> {
  const generateName = request.name === '' ? generateNameOf(request) : undefined;
  const owner = controllerOf(request.object);
  return {
    ...(generateName !== undefined && { generateName: oneLine(generateName, NAME_MOST) }),
    ...(owner !== undefined && { owner: `${owner.kind}/${owner.name}` }),
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
