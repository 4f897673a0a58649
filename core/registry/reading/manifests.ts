// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { digestOf, isDigest } from '../../image/digest.ts';
import type { Digest } from '../../image/digest.ts';
import { webPageFailure } from '../transport/failures.ts';
import { contentType, headerText } from '../transport/http-message.ts';
import { parseJsonObject, type JsonObject } from '../../json.ts';
import type { Limits } from '../../limits.ts';
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
/** Some registries and proxies refuse HEAD, or know it of no manifest, where they answer GET. */
const NO_HEAD = [400, 405, 406, 501] as const;
/** What servers write that do not know what they serve: it contradicts no manifest. */
const GENERIC_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/octet-stream', 'text/plain']);

interface ResolveOptions {
  readonly maximumBytes: number;
  /** Of a mirror, which often lacks an image: what it knows of no HEAD, the registry knows. */
  readonly believes404: boolean;
}

/**
 * The digest of a tag. The header is only a claim: it decides which signed digest is looked for, and
 * a registry that lies in it chooses among signed images, as it could by moving the tag.
 */
export async function resolveTag(
  ask: Ask,
  tag: string,
  { maximumBytes, believes404 }: ResolveOptions,
): Promise<Digest | undefined> {
  const path = `manifests/${tag}`;
  const operation = 'resolve';
  const response = await ask({ method: 'HEAD', path, accept: ACCEPT, maximumBytes: 0, operation }, NO_HEAD);
  if (response === undefined && believes404) return undefined;
  const claimed = response?.status === 200 ? headerText(response.headers, 'docker-content-digest') : undefined;
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
  limit: keyof Limits = 'manifestBytes',
): Promise<ManifestBytes | undefined> {
  const path = `manifests/${reference}`;
  const response = await ask({ method: 'GET', path, accept: ACCEPT, maximumBytes, limit, operation: 'manifest' });
  if (response === undefined) return undefined;
  const { body, headers, url } = response;
  const digest = digestOf(body);
  if (digest !== reference) {
    // Of a tag, whatever comes would be its manifest.
    const page = webPageFailure(url.host, response);
    if (page !== undefined) throw page;
  }
  if (reference.includes(':') && digest !== reference) {
    throw new EngineError('RegistryUnavailable', `${url.host} served ${digest} where ${reference} was asked for`);
  }
  const document = parseJsonObject(body);
  const mediaType = agreedType(document, contentType(headers), url.host);
  return { digest, mediaType, bytes: body, ...(document && { document }) };
}

/**
 * What serves a manifest and the manifest must say the same of its type (image-spec, manifest.md): a document that is read
 * as an index by one reader and as a manifest by another means two things (CVE-2021-41190).
 *
 * @param header undefined: it says nothing.
 * @param source who serves it, for the message
 * @throws EngineError RegistryUnavailable
 */
export function manifestType(bytes: Uint8Array, header: string | undefined, source: string): string {
  return agreedType(parseJsonObject(bytes), header, source);
}

function agreedType(document: JsonObject | undefined, header: string | undefined, source: string): string {
  const served = header !== undefined && GENERIC_TYPES.has(header) ? undefined : header;
  const stated = statedMediaType(document);
  if (served !== undefined && stated !== undefined && served !== stated) {
    const message = `${source} served a manifest as one media type that calls itself another`;
    throw new EngineError('RegistryUnavailable', message);
  }
  return served ?? stated ?? impliedMediaType(document) ?? header ?? '';
}

/** Whether it is a manifest at all is for its reader to say; its digest is what it is. */
function statedMediaType(document: JsonObject | undefined): string | undefined {
  const stated = document?.['mediaType'];
  return typeof stated === 'string' ? stated.toLowerCase() : undefined;
}

/** OCI lets a manifest leave its type out: then the one list that it has tells, and what has both is neither. */
function impliedMediaType(document: JsonObject | undefined): string | undefined {
  if (document?.['schemaVersion'] !== 2 || document['mediaType'] !== undefined) return undefined;
  const [isIndex, isManifest] = [Array.isArray(document['manifests']), Array.isArray(document['layers'])];
  if (isIndex === isManifest) return undefined;
  return isIndex ? 'application/vnd.oci.image.index.v1+json' : 'application/vnd.oci.image.manifest.v1+json';
}
