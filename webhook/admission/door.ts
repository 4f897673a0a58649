// SPDX-License-Identifier: Apache-2.0
import type { Door, Endpoint as HttpEndpoint } from '../http/door.ts';
import type { Endpoint } from './decision/image-result.ts';
import type { ReviewHandler } from './handler.ts';
import { answerReach } from './reach.ts';

/** AdmissionReviews at `/mutate` and `/validate`. */
export function createAdmissionDoor(handler: ReviewHandler): Door {
  const endpoint = (name: Endpoint): HttpEndpoint => ({
    name,
    async answer(body, signal, arrival) {
      const review = answerReach(name, body) ?? (await handler(name, body, signal, arrival));
      // Without its uid the API server would not take the answer for one.
      return { status: review.response.uid === '' ? 400 : 200, json: review };
    },
  });
  return {
    endpoints: new Map([
      ['/mutate', endpoint('mutate')],
      ['/validate', endpoint('validate')],
    ]),
  };
}
