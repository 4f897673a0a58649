// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { hexOf } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';
import { repositoryName } from '../image/reference.ts';
import { raiseLimit } from '../limits.ts';
import type { Limits } from '../limits.ts';
import { parseLayer } from './manifest.ts';
import type { UnreadLayer } from './manifest.ts';
import { PieceReader } from './piece-reader.ts';
import type { EvidenceReader, Opened } from './piece-reader.ts';
import { annotationMaterial, newestOf, openTag } from './simple-signing.ts';
import type { SimpleSigningInput } from './simple-signing.ts';
import type { EvidenceBatch } from '../signatures/types.ts';

export type AttestationTagInput = Omit<SimpleSigningInput, 'templates'>;

const MEDIA_TYPE = 'application/vnd.dsse.envelope.v1+json';

export function attestationTag(digest: Digest): string {
  return `sha256-${hexOf(digest)}.att`;
}

/**
 * Attestations in cosign's tag scheme (`cosign attest` before version 3): one request for the `.att`
 * manifest and one for each envelope. Nothing in it is ever a signature of the image.
 */
export function createAttestationTagReader(input: Omit<AttestationTagInput, 'scope'>): EvidenceReader {
  const tag = attestationTag(input.image.digest);
  return new PieceReader<NumberedLayer>({
    open: (scope) => openTag({ ...input, scope }, tag, (layers) => numbered(layers, tag, input.limits)),
    read: async ({ layer, source }, scope) => {
      return { batch: await readAttestation({ ...input, scope }, layer, source) };
    },
    nameOf: ({ source }) => source,
    batches: [Infinity, Infinity],
  });
}

interface NumberedLayer {
  readonly layer: UnreadLayer;
  readonly source: string;
}

function numbered(layers: readonly UnreadLayer[], tag: string, { signatures }: Limits): Opened<NumberedLayer> {
  const pieces = newestOf(layers, signatures).map(([index, layer]) => ({ layer, source: `${tag}#${index}` }));
  const message = `it has ${layers.length} attestations: only the newest ${signatures} were read`;
  const tooMany = { source: tag, message, code: 'ResponseTooLarge', remedy: raiseLimit('signatures') } as const;
  return { pieces, faults: layers.length > signatures ? [tooMany] : [] };
}

async function readAttestation(
  { image, repository, registry, scope, limits, allowance, readStored }: AttestationTagInput,
  layer: UnreadLayer,
  source: string,
): Promise<EvidenceBatch> {
  const descriptor = parseLayer(layer, limits.bundleBytes);
  if (descriptor.mediaType !== MEDIA_TYPE) {
    throw new EngineError('MalformedSignature', `the layer is not of the media type ${MEDIA_TYPE}`);
  }
  allowance.addCandidate(source);
  allowance.take(descriptor.size, source);
  const bytes = await registry.getBlob(repository, descriptor, scope);
  if (bytes === undefined) throw new EngineError('MalformedSignature', 'the registry does not have the envelope');
  const text = { kind: 'attestation', bytes, maximumBytes: limits.bundleBytes, digest: image.digest, source } as const;
  const read = await readStored(text, { owner: repositoryName(repository), signal: scope.signal });
  const beside = annotationMaterial(descriptor.annotations ?? {});
  const attestations = read.attestations.map((one) =>
    Object.assign({}, one, { material: { ...one.material, ...beside } }),
  );
  return { ...read, attestations };
}
