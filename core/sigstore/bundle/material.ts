// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import { EngineError } from '../../errors.ts';
import { readBundleMaterial } from './bundle-material.ts';
import { readAnnotationMaterial } from './legacy-material.ts';
import type { VerificationMaterial } from '../../signatures/types.ts';
import type { SigningMaterial } from './verification-material.ts';

/** @throws EngineError MalformedSignature */
export function readEvidence(material: VerificationMaterial): SigningMaterial {
  try {
    return material.kind === 'bundle' ? readBundleMaterial(material.bundle) : readAnnotationMaterial(material);
  } catch (cause) {
    throw new EngineError('MalformedSignature', errorText(cause), { cause });
  }
}
