// SPDX-License-Identifier: Apache-2.0
import { faultFrom } from '../signatures/evidence.ts';
import type { AttestationCandidate, EvidenceFault } from '../signatures/types.ts';
import { parseStatement, typeForOthers } from './statement.ts';
import type { StoredText } from './stored-text.ts';

/** What a candidate has of its statement. */
export type Attested = Pick<AttestationCandidate, 'predicateType' | 'annotations' | 'unreadable'>;

/**
 * Reads the statement of an attestation. One that only a less strict reader takes is a fault, and there all the same: it
 * may be what a policy has to have seen.
 *
 * @param statement in the envelope that is stored
 * @throws EngineError for what nobody takes for a statement about the image
 */
export function readAttested(
  statement: Uint8Array,
  { digest, maximumBytes, source }: Pick<StoredText, 'digest' | 'maximumBytes' | 'source'>,
): { readonly statement: Attested; readonly faults: readonly EvidenceFault[] } {
  try {
    return { statement: parseStatement(statement, digest, maximumBytes), faults: [] };
  } catch (error) {
    const predicateType = typeForOthers(statement, error);
    if (predicateType === undefined) throw error;
    const fault = faultFrom(source, error);
    return { statement: { predicateType, annotations: {}, unreadable: fault.message }, faults: [fault] };
  }
}
