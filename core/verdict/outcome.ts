// SPDX-License-Identifier: Apache-2.0
import type { VerdictCode, Outcome } from '../errors.ts';
import type { Mode } from '../policy/types.ts';

const OUTCOMES: Readonly<Record<VerdictCode, Outcome>> = {
  Verified: 'allowed',
  AllowedByPolicy: 'allowed',
  DeniedByPolicy: 'denied',
  NoPolicy: 'denied',
  PolicyNotReady: 'denied',
  InvalidReference: 'denied',
  ImageNotFound: 'denied',
  NoSignature: 'denied',
  UntrustedSignature: 'denied',
  ThresholdNotMet: 'denied',
  AnnotationMismatch: 'denied',
  MalformedSignature: 'denied',
  TransparencyLogMissing: 'denied',
  AttestationMissing: 'denied',
  AttestationFailed: 'denied',
  PolicyStale: 'error',
  TrustRootUnavailable: 'error',
  RegistryUnauthorized: 'error',
  RegistryRateLimited: 'error',
  RegistryUnavailable: 'error',
  ResponseTooLarge: 'error',
  DeadlineExceeded: 'error',
  InternalError: 'error',
};

/** `denied`: the evidence was read and is not good enough; `error`: it could not be read. */
export function outcomeOf(code: VerdictCode): Outcome {
  return OUTCOMES[code];
}

const STRICTNESS: Readonly<Record<Mode, number>> = { Enforce: 2, Warn: 1, Audit: 0 };

/** The item that weighs most at admission; the first of equals. */
export function strictest<T extends { readonly mode: Mode }>(items: readonly T[]): T | undefined {
  let worst: T | undefined;
  for (const item of items) {
    if (worst === undefined || STRICTNESS[item.mode] > STRICTNESS[worst.mode]) {
      worst = item;
    }
  }
  return worst;
}

/** Enforce where nothing else is known. */
export function strictestMode(items: readonly { readonly mode: Mode }[]): Mode {
  return strictest(items)?.mode ?? 'Enforce';
}
