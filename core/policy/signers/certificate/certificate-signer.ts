// SPDX-License-Identifier: Apache-2.0
import type { OwnAuthority } from '../../../sigstore/own-pki/authority.ts';
import type { TextMatcher } from '../common/text-matcher.ts';

export interface CertificateSigner {
  readonly kind: 'certificate';
  readonly name: string;
  readonly authority: OwnAuthority;
  /** Of one of the certificate's names. */
  readonly subject: TextMatcher;
}
