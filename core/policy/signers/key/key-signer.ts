// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import type { Digest } from '../../../image/digest.ts';
import type { KeyAlgorithm } from '../../../keys/algorithms.ts';

export interface KeySigner {
  readonly kind: 'key';
  readonly name: string;
  /** SHA-256 of the SPKI DER: what makes two signers distinct. */
  readonly fingerprint: Digest;
  readonly algorithm: KeyAlgorithm;
  readonly key: KeyObject;
  /** Milliseconds since the epoch; the key counts in [notBefore, notAfter]. */
  readonly notBefore?: number;
  readonly notAfter?: number;
}
