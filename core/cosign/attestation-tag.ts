// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { hexOf } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';
import { parseEnvelope } from '../formats/dsse-envelope.ts';
import { faultFrom, faultyEvidence, mergeEvidence, NO_EVIDENCE } from './evidence.ts';
import { parseJson } from '../json.ts';
import { parseLayer, parseManifest } from './manifest.ts';
import type { UnreadLayer } from './manifest.ts';
import { mapInParallel } from '../parallel.ts';
import { annotationMaterial } from './simple-signing.ts';
import type { SimpleSigningInput } from './simple-signing.ts';
import { parseStatement } from './statement.ts';
import type { AttestationCandidate, EvidenceBatch } from './types.ts';

export type AttestationTagInput = Omit<SimpleSigningInput, 'templates'>;

const MEDIA_TYPE = 'application/vnd.dsse.envelope.v1+json';
const PARALLEL_BLOBS = 4;

export function attestationTag(digest: Digest): string {
  return `sha256-${hexOf(digest)}.att`;
}

/**
 * Attestations in cosign's tag scheme (`cosign attest` before version 3): one request for the `.att`
 * manifest and one for each envelope. Nothing in it is ever a signature of the image.
 *
 * @throws EngineError where the manifest itself cannot be had; the rest is a fault.
 */
export async function readAttestationTag(input: AttestationTagInput): Promise<EvidenceBatch> {
  const { image, repository, registry, scope, limits } = input;
  const tag = attestationTag(image.digest);
  const found = await registry.getManifest(repository, tag, limits.manifestBytes, scope);
  if (found === undefined) return NO_EVIDENCE;
  try {
    const { layers } = parseManifest(found, limits.manifestBytes);
    const read = layers.slice(0, limits.signatures);
    const batches = await mapInParallel([...read.entries()], PARALLEL_BLOBS, ([index, layer]) =>
      readLayer(input, layer, `${tag}#${index}`),
    );
    return mergeEvidence(
      read.length < layers.length ? [...batches, truncated(tag, layers.length, read.length)] : batches,
    );
  } catch (error) {
    return faultyEvidence(faultFrom(tag, error));
  }
}

function truncated(source: string, total: number, read: number): EvidenceBatch {
  const message = `it has ${total} attestations: only the first ${read} were read`;
  return faultyEvidence({ source, message, code: 'ResponseTooLarge' });
}

async function readLayer(input: AttestationTagInput, layer: UnreadLayer, source: string): Promise<EvidenceBatch> {
  try {
    return { ...NO_EVIDENCE, attestations: [await readAttestation(input, layer, source)] };
  } catch (error) {
    return faultyEvidence(faultFrom(source, error));
  }
}

async function readAttestation(
  { image, repository, registry, scope, limits, allowance }: AttestationTagInput,
  layer: UnreadLayer,
  source: string,
): Promise<AttestationCandidate> {
  const descriptor = parseLayer(layer, limits.bundleBytes);
  if (descriptor.mediaType !== MEDIA_TYPE) {
    throw new EngineError('MalformedSignature', `the layer is not of the media type ${MEDIA_TYPE}`);
  }
  allowance.addCandidate();
  allowance.take(descriptor.size);
  const bytes = await registry.getBlob(repository, descriptor, scope);
  if (bytes === undefined) throw new EngineError('MalformedSignature', 'the registry does not have the envelope');
  const envelope = parseJson(bytes, limits.bundleBytes, 'the DSSE envelope');
  const { payload, signature, signedBytes } = parseEnvelope(envelope);
  const { predicateType, predicate, annotations, json } = parseStatement(payload, image.digest, limits.bundleBytes);
  return {
    format: 'simple-signing',
    source,
    signedBytes,
    signature,
    annotations,
    material: { ...annotationMaterial(descriptor.annotations ?? {}), envelope },
    predicateType,
    predicate,
    statement: json,
  };
}
