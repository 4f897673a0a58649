// SPDX-License-Identifier: Apache-2.0
import { isDigest } from '../../image/digest.ts';
import { isJsonObject, parseJsonObject } from '../../json.ts';
import type { Descriptor } from '../types.ts';

/** One descriptor of an index (image-spec, descriptor.md), or what is wrong with it. */
export function parseDescriptor(value: unknown): Descriptor | string {
  if (!isJsonObject(value)) return 'is not an object';
  const { mediaType, digest, size, artifactType, annotations, data } = value;
  if (typeof mediaType !== 'string' || mediaType === '') return 'has no mediaType';
  if (!isDigest(digest)) return 'has no sha256 digest';
  if (!isSize(size)) return 'has no valid size';
  if (!isOptionalText(artifactType) || !isOptionalText(data)) return 'has an artifactType or data that is not text';
  if (!isOptionalTexts(annotations)) return 'has annotations that are not texts';
  return {
    mediaType,
    digest,
    size,
    ...present({ artifactType, annotations, data }),
  };
}

/** The `manifests` of an OCI image index; undefined where the bytes are no such index. */
export function parseIndex(bytes: Uint8Array): readonly unknown[] | undefined {
  const index = parseJsonObject(bytes);
  if (index?.['schemaVersion'] !== 2) return undefined;
  const manifests = index['manifests'];
  // Go servers write an empty list as null.
  if (manifests === null) return [];
  return Array.isArray(manifests) ? manifests : undefined;
}

function isOptionalText(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Go servers write an absent map as null. */
function isOptionalTexts(value: unknown): value is Readonly<Record<string, string>> | null | undefined {
  if (value === undefined || value === null) return true;
  return isJsonObject(value) && Object.values(value).every((item) => typeof item === 'string');
}

type Optional = Pick<Descriptor, 'artifactType' | 'annotations' | 'data'>;

function present(fields: { [Key in keyof Optional]-?: Optional[Key] | null | undefined }): Optional {
  const { artifactType, annotations, data } = fields;
  return {
    ...(artifactType ? { artifactType } : {}),
    ...(annotations ? { annotations } : {}),
    ...(data ? { data } : {}),
  };
}
