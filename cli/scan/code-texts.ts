// SPDX-License-Identifier: Apache-2.0
import type { VerdictCode } from '../../core/errors.ts';

/** What each code says, in a few words, for reports. Exhaustive: a new code needs its words. */
export const CODE_TEXTS: Readonly<Record<VerdictCode, string>> = {
  Verified: 'The signatures satisfy every policy.',
  AllowedByPolicy: 'A policy allows it without a look at signatures.',
  DeniedByPolicy: 'A policy denies it without a look at signatures.',
  NoPolicy: 'No policy speaks for it.',
  PolicyNotReady: 'The policy that speaks for it has a fault.',
  InvalidReference: 'It is not an image reference.',
  ImageNotFound: 'Its registry does not have it.',
  NoSignature: 'It has no signature.',
  UntrustedSignature: 'It has signatures, none by a trusted signer.',
  ThresholdNotMet: 'Too few of the trusted signers signed it.',
  AnnotationMismatch: 'Its signatures lack annotations that the policy asks for.',
  MalformedSignature: 'Its signatures cannot be read.',
  TransparencyLogMissing: 'Its signatures are in no transparency log.',
  AttestationMissing: 'It lacks an attestation that the policy asks for.',
  AttestationFailed: 'An attestation does not meet the conditions of the policy.',
  PolicyStale: 'Policies were not confirmed by the API server for too long.',
  TrustRootUnavailable: 'A trust root that the policy names could not be used.',
  RegistryUnauthorized: 'Its registry refused the credentials, or there are none.',
  RegistryRateLimited: 'Its registry was asked too often.',
  RegistryUnavailable: 'Its registry could not be asked.',
  ResponseTooLarge: 'What its registry sent is larger than the limits.',
  DeadlineExceeded: 'The decision was not reached in time.',
  InternalError: 'A fault in Cosignet.',
};
