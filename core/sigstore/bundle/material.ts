// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import { EngineError } from '../../errors.ts';
import { readBundleEvidence } from './bundle-material.ts';
import { readLegacyEvidence } from './legacy-material.ts';
import type { VerificationMaterial } from '../../cosign/types.ts';
import type { VerificationEvidence } from './verification-material.ts';

/** @throws EngineError MalformedSignature */
export function readEvidence(material: VerificationMaterial): VerificationEvidence {
  try {
    return material.kind === 'bundle' ? readBundleEvidence(material.bundle) : readLegacyEvidence(material);
  } catch (cause) {
    throw new EngineError('MalformedSignature', errorText(cause), { cause });
  }
}
