// SPDX-License-Identifier: Apache-2.0
import { Buffer } from 'node:buffer';
import { ADMISSION_VERSION } from '../request/review.ts';
import type { ReplaceOperation } from '../decision/patch.ts';

/** metav1.Status as far as the API server passes it on to the user. */
export interface ReviewStatus {
  readonly code: 400 | 403 | 500 | 503;
  readonly reason: 'BadRequest' | 'Forbidden' | 'InternalError' | 'ServiceUnavailable';
  readonly message: string;
}

export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: ReviewStatus;
  readonly warnings?: readonly string[];
  readonly auditAnnotations?: Readonly<Record<string, string>>;
  /** Base64 of a JSON Patch; always together with `patchType`, and only from `/mutate`. */
  readonly patch?: string;
  readonly patchType?: 'JSONPatch';
}

export interface AdmissionReviewResponse {
  readonly apiVersion: typeof ADMISSION_VERSION;
  readonly kind: 'AdmissionReview';
  readonly response: AdmissionResponse;
}

/** What accompanies an answer, whichever it is. */
export interface Notes {
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

const NO_NOTES: Notes = { warnings: [], auditAnnotations: {} };

export function allow(
  uid: string,
  notes: Notes = NO_NOTES,
  patch: readonly ReplaceOperation[] = [],
): AdmissionReviewResponse {
  return allowing(uid, allowance(notes, patch));
}

/** All of an answer that allows but whom it answers. */
export type Allowance = Omit<AdmissionResponse, 'uid'>;

export function allowance(notes: Notes, patch: readonly ReplaceOperation[]): Allowance {
  return {
    allowed: true,
    ...withNotes(notes),
    // The API server rejects a patch without a type, and a type without a patch.
    ...(patch.length > 0 && {
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
      patchType: 'JSONPatch' as const,
    }),
  };
}

export function allowing(uid: string, rest: Allowance): AdmissionReviewResponse {
  return envelope({ uid, ...rest });
}

export function refuse(uid: string, status: ReviewStatus, notes: Notes = NO_NOTES): AdmissionReviewResponse {
  return envelope({ uid, allowed: false, status, ...withNotes(notes) });
}

function withNotes(notes: Notes): Pick<AdmissionResponse, 'warnings' | 'auditAnnotations'> {
  return {
    ...(notes.warnings.length > 0 && { warnings: notes.warnings }),
    ...(Object.keys(notes.auditAnnotations).length > 0 && { auditAnnotations: notes.auditAnnotations }),
  };
}

function envelope(response: AdmissionResponse): AdmissionReviewResponse {
  return { apiVersion: ADMISSION_VERSION, kind: 'AdmissionReview', response };
}
