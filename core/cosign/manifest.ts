// SPDX-License-Identifier: Apache-2.0
import { isJsonObject, isTextMap, parseStrictly } from '../json.ts';
import { EngineError } from '../errors.ts';
import { isDigest } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor, ManifestBytes } from '../registry/types.ts';

/** What is used of an image manifest that carries signatures (image-spec manifest.md). */
export interface SignatureManifest {
  readonly artifactType?: string;
  readonly layers: readonly UnreadLayer[];
  /** The image it says it is about; hygiene only, what binds is what was signed. */
  readonly subject?: Digest;
  /** Those that are texts; unauthenticated. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** A layer not yet looked at, so that a bad one spoils only itself. */
export type UnreadLayer = unknown;

/** @throws EngineError MalformedSignature, ResponseTooLarge */
export function parseManifest(manifest: ManifestBytes, maximumBytes: number): SignatureManifest {
  const value = parseStrictly(manifest, maximumBytes, 'the manifest');
  if (!isJsonObject(value) || !Array.isArray(value['layers'])) {
    throw new EngineError('MalformedSignature', 'the manifest has no layers');
  }
  const { artifactType, config, subject } = value;
  const type = artifactType ?? (isJsonObject(config) ? config['mediaType'] : undefined);
  const about = isJsonObject(subject) ? subject['digest'] : undefined;
  return {
    layers: value['layers'],
    annotations: isTextMap(value['annotations']) ? value['annotations'] : {},
    ...(typeof type === 'string' && { artifactType: type }),
    ...(isDigest(about) && { subject: about }),
  };
}

/** @throws EngineError MalformedSignature; ResponseTooLarge where it announces more than `maximumBytes` */
export function parseLayer(layer: UnreadLayer, maximumBytes: number): Descriptor {
  if (!isJsonObject(layer)) throw malformed('is not an object');
  const { mediaType, digest, size, data } = layer;
  if (typeof mediaType !== 'string') throw malformed('has no mediaType');
  if (!isDigest(digest)) throw malformed('has no sha256 digest');
  if (!isSize(size)) throw malformed('has no size');
  if (size > maximumBytes) {
    throw new EngineError('ResponseTooLarge', `it is ${size} bytes long, more than the ${maximumBytes} allowed`);
  }
  const annotations = layer['annotations'] ?? {};
  if (!isTextMap(annotations)) throw malformed('has annotations that are no texts');
  return { mediaType, digest, size, annotations, ...(typeof data === 'string' && { data }) };
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function malformed(what: string): EngineError {
  return new EngineError('MalformedSignature', `the layer ${what}`);
}
