// SPDX-License-Identifier: Apache-2.0
import { parseSignedEnvelope } from '../formats/dsse-envelope.ts';
import { isJsonObject, parseJson } from '../json.ts';
import type { AttestationCandidate, EvidenceBatch } from '../signatures/types.ts';
import { readAttested } from './attested-statement.ts';
import { requireModest, type StoredText } from './stored-text.ts';

/**
 * The DSSE envelope of a layer of an `.att` manifest: whatever its predicate type, never a signature of the image. Each of its
 * signatures is an attestation, as cosign takes any.
 *
 * @throws EngineError MalformedSignature, ResponseTooLarge
 */
export function parseAttestation(text: Omit<StoredText, 'kind'>): EvidenceBatch {
  const { bytes, maximumBytes, source } = text;
  const json = parseJson(bytes, maximumBytes, 'the DSSE envelope');
  const { payload, signatures, signedBytes } = parseSignedEnvelope(json);
  const { statement, faults } = readAttested(payload, text);
  const { payload: encoded, ...facts } = fieldsOf(json);
  requireModest(text, [facts, statement.annotations]);
  const material = { kind: 'annotations', envelope: { ...facts, payload: encoded } } as const;
  const made = { format: 'simple-signing', source, signedBytes, material, ...statement } as const;
  const attestations = signatures.map((signature): AttestationCandidate => Object.assign({ signature }, made));
  return { signatures: [], attestations, faults };
}

/** Those that an envelope has: others count for nothing. */
function fieldsOf(envelope: unknown) {
  const { payloadType, payload, signatures } = isJsonObject(envelope) ? envelope : {};
  return { payloadType, payload, signatures };
}
