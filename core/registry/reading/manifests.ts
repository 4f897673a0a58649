// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { digestOf, isDigest } from '../../image/digest.ts';
import type { Digest } from '../../image/digest.ts';
import { contentType, headerText } from '../transport/http-message.ts';
import type { HttpResponse } from '../transport/http-message.ts';
import { parseJsonObject } from '../../json.ts';
import type { Ask } from './requests.ts';
import type { ManifestBytes } from '../types.ts';

/**
 * Everything an image can be. Without the list types distribution answers with the manifest of one
 * platform instead: another digest than the one that the kubelet pulls and cosign signs.
 */
const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const ACCEPT = MANIFEST_TYPES.join(', ');

/**
 * The digest of a tag. The header is only a claim: it decides which signed digest is looked for, and
 * a registry that lies in it chooses among signed images, as it could by moving the tag.
 */
export async function resolveTag(ask: Ask, tag: string, maximumBytes: number): Promise<Digest | undefined> {
  const path = `manifests/${tag}`;
  const operation = 'resolve';
  const response = await ask({ method: 'HEAD', path, accept: ACCEPT, maximumBytes: 0, operation }, [405]);
  if (response === undefined) return undefined;
  const claimed = response.status === 200 ? headerText(response.headers, 'docker-content-digest') : undefined;
  if (isDigest(claimed)) return claimed;
  const manifest = await getManifest(ask, tag, maximumBytes);
  // The log-in page of a proxy is an answer too, but no image.
  if (manifest && !MANIFEST_TYPES.includes(manifest.mediaType)) {
    throw new EngineError('RegistryUnavailable', `tag ${tag} was answered with something that is no manifest`);
  }
  return manifest?.digest;
}

/** The bytes of a manifest, hashed; asked for by digest, the hash must be that digest. */
export async function getManifest(
  ask: Ask,
  reference: string,
  maximumBytes: number,
): Promise<ManifestBytes | undefined> {
  const path = `manifests/${reference}`;
  const response = await ask({ method: 'GET', path, accept: ACCEPT, maximumBytes, operation: 'manifest' });
  if (response === undefined) return undefined;
  const digest = digestOf(response.body);
  if (reference.includes(':') && digest !== reference) {
    throw new EngineError(
      'RegistryUnavailable',
      `${response.url.host} served ${digest} where ${reference} was asked for`,
    );
  }
  return { digest, mediaType: mediaTypeOf(response), bytes: response.body };
}

/**
 * Header and body must say the same (image-spec, manifest.md): a document that is read as an index
 * by one reader and as a manifest by another means two things (CVE-2021-41190).
 */
function mediaTypeOf(response: HttpResponse): string {
  const served = contentType(response.headers);
  const stated = statedMediaType(response.body);
  if (served !== undefined && stated !== undefined && served !== stated) {
    const message = `${response.url.host} served a manifest as one media type that calls itself another`;
    throw new EngineError('RegistryUnavailable', message);
  }
  return served ?? stated ?? '';
}

/** Whether it is a manifest at all is for its reader to say; its digest is what it is. */
function statedMediaType(bytes: Uint8Array): string | undefined {
  const stated = parseJsonObject(bytes)?.['mediaType'];
  return typeof stated === 'string' ? stated.toLowerCase() : undefined;
}
