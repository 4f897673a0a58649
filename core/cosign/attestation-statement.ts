// SPDX-License-Identifier: Apache-2.0
import { parseEnvelope } from '../formats/dsse-envelope.ts';
import { isJsonObject, parseJson } from '../json.ts';
import { NO_EVIDENCE } from '../signatures/evidence.ts';
import type { EvidenceBatch } from '../signatures/types.ts';
import { parseStatement } from './statement.ts';
import { requireModest, type StoredText } from './stored-text.ts';

/**
 * The DSSE envelope of a layer of an `.att` manifest: whatever its predicate type, never a signature of the image.
 *
 * @throws EngineError MalformedSignature, ResponseTooLarge
 */
export function parseAttestation(text: Omit<StoredText, 'kind'>): EvidenceBatch {
  const { bytes, maximumBytes, digest, source } = text;
  const json = parseJson(bytes, maximumBytes, 'the DSSE envelope');
  const { payload, signature, signedBytes } = parseEnvelope(json);
  const { predicateType, annotations } = parseStatement(payload, digest, maximumBytes);
  const { payload: encoded, ...facts } = fieldsOf(json);
  requireModest(text, [facts, annotations]);
  const material = { kind: 'annotations', envelope: { ...facts, payload: encoded } } as const;
  const candidate = { format: 'simple-signing', source, signedBytes, signature, annotations, material } as const;
  return { ...NO_EVIDENCE, attestations: [{ ...candidate, predicateType }] };
}

/** Those that an envelope has: others count for nothing. */
function fieldsOf(envelope: unknown) {
  const { payloadType, payload, signatures } = isJsonObject(envelope) ? envelope : {};
  return { payloadType, payload, signatures };
}
