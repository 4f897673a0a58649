// SPDX-License-Identifier: Apache-2.0
import type { EvidenceBatch } from '../../signatures/types.ts';
import { parseAttestation } from '../attestation-statement.ts';
import { parseBundle } from '../bundle-statement.ts';
import type { StoredText } from '../stored-text.ts';

/** @throws EngineError MalformedSignature, ResponseTooLarge */
export function readStored(text: StoredText): EvidenceBatch {
  return text.kind === 'bundle' ? parseBundle(text) : parseAttestation(text);
}
