// SPDX-License-Identifier: Apache-2.0

/**
 * The closed list of verdict codes. Each is a metric label, a condition reason where it fits,
 * and an anchor in docs/reference/verdicts.md.
 */
export const VERDICT_CODES = [
  'Verified',
  'AllowedByPolicy',
  'DeniedByPolicy',
  'NoPolicy',
  'PolicyNotReady',
  'PolicyStale',
  'InvalidReference',
  'ImageNotFound',
  'NoSignature',
  'UntrustedSignature',
  'ThresholdNotMet',
  'AnnotationMismatch',
  'MalformedSignature',
  'TransparencyLogMissing',
  'AttestationMissing',
  'AttestationFailed',
  'TrustRootUnavailable',
  'RegistryUnauthorized',
  'RegistryRateLimited',
  'RegistryUnavailable',
  'ResponseTooLarge',
  'DeadlineExceeded',
  'InternalError',
] as const;

export type VerdictCode = (typeof VERDICT_CODES)[number];

/** `denied`: the evidence was read and is not good enough; `error`: it could not be read. */
export type Outcome = 'allowed' | 'denied' | 'error';

/** Codes that a function of the engine may fail with. `Verified` and its kin are never thrown. */
export type FailureCode = Exclude<VerdictCode, 'Verified' | 'AllowedByPolicy'>;

/**
 * The one exception of the engine: input or evidence that could not be read, or is not acceptable.
 * `decide` turns it into a verdict; anything else thrown becomes `InternalError`, never "allowed".
 */
export class EngineError extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
  }
}
