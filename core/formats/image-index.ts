// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { isDigest, type Digest } from '../image/digest.ts';
import { isJsonObject, isTextMap, parseJson, type JsonObject } from '../json.ts';
import type { ManifestBytes } from '../registry/types.ts';

/** One entry of an image index (image-spec image-index.md; docker's manifest list is alike). */
export interface IndexEntry {
  readonly digest: Digest;
  /** `linux/arm/v7`, for messages: a part that is no plain name is `?`; empty where the entry names none. */
  readonly platform: string;
  /** `nested`: an index again. `attestation`: what BuildKit stores beside images, and no runtime chooses. */
  readonly kind: 'image' | 'nested' | 'attestation';
}

const INDEX_TYPES: ReadonlySet<unknown> = new Set([
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
]);
/** What only the manifest of one image has. */
const OF_MANIFESTS = ['config', 'layers', 'fsLayers'];
const REFERENCE_TYPE = 'vnd.docker.reference.type';

/**
 * All entries of an index, in its order; undefined where it is the manifest of one image. A document that could be read
 * as either, or an entry whose digest can't be read, is refused: a runtime might run what was not looked at.
 *
 * @throws EngineError MalformedSignature, or ResponseTooLarge above `maximumBytes`.
 */
export function parseImageIndex(
  { bytes, mediaType }: ManifestBytes,
  maximumBytes: number,
): readonly IndexEntry[] | undefined {
  const value = parseJson(bytes, maximumBytes, 'the manifest');
  if (!isJsonObject(value)) throw malformed('it is not an object');
  const { manifests } = value;
  if (!INDEX_TYPES.has(mediaType)) {
    if (manifests !== undefined) throw malformed('it is served as the manifest of one image, and lists manifests');
    return undefined;
  }
  if (!Array.isArray(manifests)) throw malformed('it is served as an index, and lists no manifests');
  if (OF_MANIFESTS.some((name) => value[name] !== undefined)) throw malformed('it is an index and a manifest at once');
  return manifests.map(entryOf);
}

function entryOf(entry: unknown, index: number): IndexEntry {
  const { digest, platform, mediaType, annotations }: JsonObject = isJsonObject(entry) ? entry : {};
  if (!isDigest(digest)) throw malformed(`entry ${index} of the index has no sha256 digest`);
  const name = isJsonObject(platform) ? platformName(platform) : '';
  if (INDEX_TYPES.has(mediaType)) return { digest, platform: name, kind: 'nested' };
  const isAttestation =
    name === 'unknown/unknown' && isTextMap(annotations) && annotations[REFERENCE_TYPE] === 'attestation-manifest';
  return { digest, platform: name, kind: isAttestation ? 'attestation' : 'image' };
}

function platformName({ os, architecture, variant }: JsonObject): string {
  const parts = [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])];
  return parts.map(plainName).join('/');
}

/** It stands in messages: a name, and no more. */
function plainName(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{1,20}$/.test(value) ? value : '?';
}

function malformed(what: string): EngineError {
  return new EngineError('MalformedSignature', `the image can not be told from its manifest: ${what}`);
}
