// SPDX-License-Identifier: Apache-2.0
import { oneLine } from '../../../core/text.ts';
import { controllerOf, generateNameOf, subjectOf } from './subject.ts';
import type { ObjectReference } from '../../../core/verdict/review-record.ts';
import type { ReviewRequest } from './review.ts';

/** Names are checked by the API server only after admission, so that until then they may hold anything. */
const NAME_MOST = 253;

/** What is told of a request. Short text throughout: nothing of the object, which may be millions of times as large. */
export interface Asked extends Pick<ReviewRequest, 'uid' | 'kind' | 'operation' | 'namespace' | 'dryRun'> {
  /** Printable; empty with generateName. */
  readonly name: string;
  /** Printable: the name to be, as far as it was written, where there is none yet. */
  readonly generateName: string | undefined;
  /** The controller that made it, as the object says. */
  readonly owner: ObjectReference | undefined;
  /** What a refusal's Event is written on. */
  readonly subject: ObjectReference | undefined;
  /** Printable. */
  readonly user: string;
}

export function askedOf(request: ReviewRequest): Asked {
  const { uid, kind, operation, namespace, dryRun } = request;
  const generateName = request.name === '' ? generateNameOf(request) : undefined;
  return {
    uid,
    kind,
    operation,
    namespace,
    dryRun,
    name: oneLine(request.name, NAME_MOST),
    generateName: generateName && oneLine(generateName, NAME_MOST),
    owner: controllerOf(request.object),
    subject: subjectOf(request),
    user: oneLine(request.user, NAME_MOST),
  };
}
