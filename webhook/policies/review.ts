// SPDX-License-Identifier: Apache-2.0

const ADMISSION_VERSION = 'admission.k8s.io/v1';

/** An AdmissionReview that answers. */
export function review(response: object): object {
  return { apiVersion: ADMISSION_VERSION, kind: 'AdmissionReview', response };
}
