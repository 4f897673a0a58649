// SPDX-License-Identifier: Apache-2.0
import type { Answer, Door, Endpoint as HttpEndpoint } from '../http/door.ts';
import type { AdmissionReviewResponse } from './answer/response.ts';
import type { Endpoint } from './decision/image-result.ts';
import type { ReviewHandler } from './handler.ts';
import { answerReach } from './reach.ts';

/** AdmissionReviews at `/mutate` and `/validate`. */
export function createAdmissionDoor(handler: ReviewHandler): Door {
  const endpoint = (name: Endpoint): HttpEndpoint => ({
    name,
    // Not async: its frame would hold the body until the answer.
    answer: (body, caller, arrival) => {
      const review = answerReach(name, body) ?? handler(name, body, caller, arrival);
      return review instanceof Promise ? review.then(answerOf) : answerOf(review);
    },
  });
  return {
    endpoints: new Map([
      ['/mutate', endpoint('mutate')],
      ['/validate', endpoint('validate')],
    ]),
  };
}

function answerOf(review: AdmissionReviewResponse): Answer {
  // Without its uid the API server would not take the answer for one.
  return { status: review.response.uid === '' ? 400 : 200, json: review };
}
