// SPDX-License-Identifier: Apache-2.0
import { EngineError, errorText } from '../errors.ts';
import { readBundleEvidence } from './bundle-evidence.ts';
import { readLegacyEvidence } from './legacy-material.ts';
import type { VerificationMaterial } from './types.ts';
import type { VerificationEvidence } from './verification-evidence.ts';

/** @throws EngineError MalformedSignature */
export function readEvidence(material: VerificationMaterial): VerificationEvidence {
  try {
    return material.kind === 'bundle' ? readBundleEvidence(material.bundle) : readLegacyEvidence(material);
  } catch (cause) {
    throw new EngineError('MalformedSignature', errorText(cause), { cause });
  }
}
