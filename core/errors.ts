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

/**
 * Control, line-separating and direction-turning characters: they would forge lines in logs and in kubectl's output, and
 * make a text read other than it is.
 */
// oxlint-disable-next-line no-control-regex -- these are what has to go
export const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The text of anything thrown, on one line, printable and capped: it may quote what a registry answered. */
export function errorText(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.replace(/\s+/g, ' ').replace(UNPRINTABLE, '?').slice(0, 500).toWellFormed();
}
