// SPDX-License-Identifier: Apache-2.0
import { REACH_ANNOTATION, reachedMessage } from '../../core/reach.ts';
import { fieldOf } from '../../core/json.ts';
import { allow, refuse, type AdmissionReviewResponse } from './answer/response.ts';
import type { Endpoint } from './decision/image-result.ts';

/** An endpoint, a space, a UUID. */
const VALUE = /^(mutate|validate) [0-9a-f-]{36}$/;

/**
 * The answer to the leading replica's question whether API servers reach this endpoint; undefined: another review. Only
 * Leases are ever answered so, which hold no images: to anybody else it says nothing and allows nothing.
 */
export function answerReach(endpoint: Endpoint, body: unknown): AdmissionReviewResponse | undefined {
  const request = fieldOf(body, 'request');
  if (fieldOf(fieldOf(request, 'resource'), 'resource') !== 'leases') return undefined;
  const uid = fieldOf(request, 'uid');
  const value = fieldOf(fieldOf(fieldOf(fieldOf(request, 'object'), 'metadata'), 'annotations'), REACH_ANNOTATION);
  if (typeof uid !== 'string' || typeof value !== 'string' || !VALUE.test(value)) return undefined;
  if (!value.startsWith(`${endpoint} `)) return allow(uid);
  return refuse(uid, { code: 403, reason: 'Forbidden', message: reachedMessage(value) });
}
