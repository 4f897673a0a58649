// SPDX-License-Identifier: Apache-2.0
import { fieldOf } from '../../core/json.ts';
import type { Door, Endpoint } from '../http/door.ts';

const ADMISSION_VERSION = 'admission.k8s.io/v1';

/** What is answered about an object: a response of an AdmissionReview, but for its `uid`. */
export interface ObjectResponse {
  readonly allowed: boolean;
  readonly [field: string]: unknown;
}

/**
 * One path, `/NAME`, for AdmissionReviews of one kind of object, which is untrusted. What has no `uid` is no review, and
 * is answered with 400.
 */
export function reviewDoor(
  name: string,
  answerTo: (object: unknown) => Promise<ObjectResponse>,
  largest?: Endpoint['largest'],
): Door {
  async function answer(body: unknown) {
    const request = fieldOf(body, 'request');
    const uid = fieldOf(request, 'uid');
    if (typeof uid !== 'string' || uid === '') return { status: 400, json: review('', { allowed: false }) };
    return { status: 200, json: review(uid, await answerTo(fieldOf(request, 'object'))) };
  }
  return { endpoints: new Map([[`/${name}`, { name, answer, ...(largest && { largest }) }]]) };
}

function review(uid: string, response: ObjectResponse): object {
  return { apiVersion: ADMISSION_VERSION, kind: 'AdmissionReview', response: { uid, ...response } };
}
