// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { repositoryName } from '../image/reference.ts';
import type { Descriptor } from '../registry/types.ts';
import { BUNDLE_TYPE_PREFIX } from '../formats/sigstore-bundle.ts';
import { isJsonObject } from '../json.ts';
import { parseLayer, parseManifest } from './manifest.ts';
import type { UnreadLayer } from './manifest.ts';
import { PREDICATE_TYPE, SIMPLE_SIGNING_ARTIFACT } from './referrer-selection.ts';
import { readSignatureLayers } from './simple-signing.ts';
import type { SimpleSigningInput } from './simple-signing.ts';
import type { EvidenceBatch } from '../signatures/types.ts';

/** A referrer whose manifest was read: what it carries has still to be fetched. */
export interface OpenReferrer {
  readonly source: Descriptor['digest'];
  readonly isSimpleSigning: boolean;
  readonly layers: readonly UnreadLayer[];
  /** What its manifest says that it is about; unauthenticated, so it only orders. */
  readonly predicateType?: string;
}

/**
 * Reads the manifest of one referrer of the image. Undefined: it is no signature at all.
 *
 * @throws EngineError for what cannot be had or is malformed
 */
export async function openReferrer(
  { image, repository, registry, scope, limits, allowance }: SimpleSigningInput,
  { digest }: Descriptor,
): Promise<OpenReferrer | undefined> {
  const found = await registry.getManifest(repository, digest, limits.manifestBytes, scope);
  if (found === undefined) throw new EngineError('MalformedSignature', 'the registry lists it and does not have it');
  allowance.take(found.bytes.length, `manifest ${digest}`);
  const { artifactType, layers, subject, annotations } = parseManifest(found, limits.manifestBytes);
  const isSimpleSigning = artifactType === SIMPLE_SIGNING_ARTIFACT;
  if (!isSimpleSigning && !layers.some(isBundleLayer)) return undefined;
  // Hygiene: the list is unauthenticated. What binds is the digest inside of what was signed.
  if (subject !== image.digest) throw new EngineError('MalformedSignature', 'the manifest is about another image');
  const predicateType = annotations[PREDICATE_TYPE];
  return { source: digest, isSimpleSigning, layers, ...(predicateType !== undefined && { predicateType }) };
}

/** Fetches what an open referrer carries: its bundle, or the payloads of its simple signatures. */
export async function readReferrer(
  input: SimpleSigningInput,
  { source, isSimpleSigning, layers }: OpenReferrer,
): Promise<EvidenceBatch> {
  const { image, repository, registry, scope, limits, allowance, readStored } = input;
  if (isSimpleSigning) return readSignatureLayers(input, source, layers);
  if (layers.length !== 1) throw new EngineError('MalformedSignature', 'the manifest has more layers than the bundle');
  const layer = parseLayer(layers[0], limits.bundleBytes);
  allowance.addCandidate(source);
  allowance.take(layer.size, source);
  const bytes = await registry.getBlob(repository, layer, scope);
  if (bytes === undefined) throw new EngineError('MalformedSignature', 'the registry does not have the bundle');
  const asking = { owner: repositoryName(repository), signal: scope.signal };
  return readStored({ kind: 'bundle', bytes, maximumBytes: limits.bundleBytes, digest: image.digest, source }, asking);
}

function isBundleLayer(layer: unknown): boolean {
  const mediaType = isJsonObject(layer) ? layer['mediaType'] : undefined;
  return typeof mediaType === 'string' && mediaType.startsWith(BUNDLE_TYPE_PREFIX);
}
