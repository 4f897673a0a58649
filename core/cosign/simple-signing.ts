// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { digestOf, hexOf } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';
import type { Repository } from '../image/types.ts';
import { raiseLimit } from '../limits.ts';
import type { Limits } from '../limits.ts';
import type { Descriptor, RegistryClient, RequestScope } from '../registry/types.ts';
import { decodeWrappedBase64 } from '../base64.ts';
import type { EvidenceAllowance } from './allowance.ts';
import { faultFrom, faultyEvidence, isTransient, mergeEvidence, NO_EVIDENCE } from '../signatures/evidence.ts';
import { parseLayer, parseManifest } from './manifest.ts';
import type { UnreadLayer } from './manifest.ts';
import { parsePayload } from './payload.ts';
import { predictPayloads } from './payload-prediction.ts';
import type { PayloadTemplates } from './payload-prediction.ts';
import { mapInParallel } from '../parallel.ts';
import { PieceReader } from './piece-reader.ts';
import type { ReadStored } from './stored-text.ts';
import type { EvidenceReader, Opened } from './piece-reader.ts';
import type {
  EvidenceBatch,
  EvidenceFault,
  ResolvedImage,
  SignatureCandidate,
  VerificationMaterial,
} from '../signatures/types.ts';

export interface SimpleSigningInput {
  readonly image: ResolvedImage;
  /** Where signatures live: the image's repository, or the policy's `signatureRepository`. */
  readonly repository: Repository;
  readonly registry: RegistryClient;
  readonly scope: RequestScope;
  readonly limits: Limits;
  readonly templates: PayloadTemplates;
  readonly allowance: EvidenceAllowance;
  readonly readStored: ReadStored;
}

const SIGNATURE = 'dev.cosignproject.cosign/signature';
const PARALLEL_BLOBS = 4;

export function signatureTag(digest: Digest): string {
  return `sha256-${hexOf(digest)}.sig`;
}

/**
 * Signatures in cosign's tag scheme: one request for the `.sig` manifest, and one more for each payload that could not
 * be predicted. No such tag is no evidence. What is wrong with the manifest or with a layer is a fault.
 */
export function createSignatureTagReader(input: Omit<SimpleSigningInput, 'scope'>): EvidenceReader {
  const tag = signatureTag(input.image.digest);
  return new PieceReader({
    open: (scope) => openTag({ ...input, scope }, tag, (layers) => groupLayers(layers, tag, input, '.sig')),
    read: async (group, scope) => ({ batch: await readGroup({ ...input, scope }, group) }),
    nameOf: ({ layers: [{ source }] }) => source,
    batches: [Infinity, Infinity],
  });
}

/** The layers of the manifest of a tag; a manifest that is malformed is a fault. */
export async function openTag<Piece>(
  { repository, registry, scope, limits }: Omit<SimpleSigningInput, 'templates' | 'allowance'>,
  tag: string,
  piecesOf: (layers: readonly UnreadLayer[]) => Opened<Piece>,
): Promise<Opened<Piece>> {
  const found = await registry.getManifest(repository, tag, limits.manifestBytes, scope);
  if (found === undefined) return { pieces: [], faults: [] };
  try {
    return piecesOf(parseManifest(found, limits.manifestBytes).layers);
  } catch (error) {
    return { pieces: [], faults: [faultFrom(tag, error)] };
  }
}

interface SignatureLayer {
  readonly source: string;
  readonly descriptor: Descriptor;
  readonly signature: Uint8Array;
}

/** Signatures over one and the same payload: it is fetched and parsed once. */
interface LayerGroup {
  readonly layers: readonly [SignatureLayer, ...SignatureLayer[]];
  /** The bytes that the layers name by digest and size, where they could be predicted. */
  readonly predicted: Uint8Array | undefined;
}

/** The layers of a referrer manifest that stands for a `.sig` manifest. @throws EngineError where one can't be had now */
export async function readSignatureLayers(
  input: SimpleSigningInput,
  source: string,
  unread: readonly UnreadLayer[],
): Promise<EvidenceBatch> {
  const { pieces, faults } = groupLayers(unread, source, input);
  const batches = await mapInParallel(pieces, PARALLEL_BLOBS, (group) => readGroup(input, group));
  return mergeEvidence([faultyEvidence(...faults), ...batches]);
}

/** @param place what the allowance, which stays in memory, knows the source by: an image has one tag `.sig` */
function groupLayers(
  unread: readonly UnreadLayer[],
  source: string,
  input: Omit<SimpleSigningInput, 'scope'>,
  place = source,
): Opened<LayerGroup> {
  const { limits, allowance } = input;
  const faults: EvidenceFault[] = [];
  const groups = new Map<string, [SignatureLayer, ...SignatureLayer[]]>();
  if (unread.length > limits.signatures) {
    const message = `it has ${unread.length} signatures: only the newest ${limits.signatures} were read`;
    faults.push({ source, message, code: 'ResponseTooLarge', remedy: raiseLimit('signatures') });
  }
  for (const [index, layer] of newestOf(unread, limits.signatures)) {
    try {
      const parsed = parseSignatureLayer(layer, `${source}#${index}`, limits);
      allowance.addCandidate(`${place}#${index}`);
      const key = `${parsed.descriptor.digest} ${parsed.descriptor.size}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [parsed]);
      else group.push(parsed);
    } catch (error) {
      faults.push(faultFrom(`${source}#${index}`, error));
    }
  }
  return { pieces: withPredicted([...groups.values()], input), faults };
}

/** Each with its own prediction alone: readers wait beside each of many thousand images, for what nobody may ask. */
function withPredicted(
  groups: readonly LayerGroup['layers'][],
  { image, repository, templates }: Omit<SimpleSigningInput, 'scope'>,
): readonly LayerGroup[] {
  const payloads = predictPayloads({ digest: image.digest, repositories: [image.repository, repository], templates });
  return groups.map((layers) => {
    const [{ descriptor }] = layers;
    const guess = payloads.get(descriptor.digest);
    return { layers, predicted: guess?.length === descriptor.size ? guess : undefined };
  });
}

/** With their places. cosign adds the newest last: years of signing anew must not hide the one that counts today. */
export function newestOf<Layer>(layers: readonly Layer[], most: number): readonly (readonly [number, Layer])[] {
  return [...layers.entries()].slice(-most).toReversed();
}

function parseSignatureLayer(layer: UnreadLayer, source: string, limits: Limits): SignatureLayer {
  const descriptor = parseLayer(layer, limits.payloadBytes);
  const text = descriptor.annotations?.[SIGNATURE];
  if (text === undefined) throw new EngineError('MalformedSignature', `the layer has no annotation ${SIGNATURE}`);
  const signature = decodeWrappedBase64(text);
  if (signature === undefined) throw new EngineError('MalformedSignature', 'the signature is not valid base64');
  return { source, descriptor, signature };
}

/** @throws EngineError where the payload can't be had now; what is wrong with it is a fault of each signature. */
async function readGroup(input: SimpleSigningInput, { layers, predicted }: LayerGroup): Promise<EvidenceBatch> {
  try {
    const signedBytes = predicted ?? (await fetchPayload(input, layers[0]));
    const annotations = parsePayload(signedBytes, input.image.digest, input.limits.payloadBytes);
    const candidates = layers.map(({ source, descriptor, signature }): SignatureCandidate => ({
      format: 'simple-signing',
      source,
      signedBytes,
      signature,
      annotations,
      material: annotationMaterial(descriptor.annotations ?? {}),
    }));
    return { ...NO_EVIDENCE, signatures: candidates };
  } catch (error) {
    if (isTransient(error)) throw error;
    return faultyEvidence(...layers.map(({ source }) => faultFrom(source, error)));
  }
}

/** The bytes that the manifest names by digest and size. */
async function fetchPayload(
  { image, repository, registry, scope, templates, allowance }: SimpleSigningInput,
  { descriptor, source }: SignatureLayer,
): Promise<Uint8Array> {
  allowance.take(descriptor.size, source);
  const payload = await registry.getBlob(repository, descriptor, scope);
  if (payload === undefined) throw new EngineError('MalformedSignature', 'the registry does not have the payload');
  // The client has checked this already; it is what the candidate stands on, and costs microseconds.
  if (digestOf(payload) !== descriptor.digest) throw new EngineError('MalformedSignature', 'the payload was replaced');
  templates.learn(repository, image.digest, payload);
  return payload;
}

/** What beside the signature a layer of a `.sig` or `.att` manifest carries. */
export function annotationMaterial(
  annotations: Readonly<Record<string, string>>,
): VerificationMaterial & { readonly kind: 'annotations' } {
  const certificate = annotations['dev.sigstore.cosign/certificate'];
  const chain = annotations['dev.sigstore.cosign/chain'];
  const rekorBundle = annotations['dev.sigstore.cosign/bundle'];
  const rfc3161Timestamp = annotations['dev.sigstore.cosign/rfc3161timestamp'];
  return {
    kind: 'annotations',
    ...(certificate !== undefined && { certificate }),
    ...(chain !== undefined && { chain }),
    ...(rekorBundle !== undefined && { rekorBundle }),
    ...(rfc3161Timestamp !== undefined && { rfc3161Timestamp }),
  };
}
