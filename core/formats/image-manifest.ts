// SPDX-License-Identifier: Apache-2.0
import { isDigest, type Digest } from '../image/digest.ts';
import { isJsonObject, parseJson } from '../json.ts';

/** One manifest of an image index. */
export interface Child {
  readonly digest: Digest;
  /** `linux/amd64`; a part that is no plain name is `?`. */
  readonly platform: string;
}

/** An index or a manifest (image-spec; docker's are alike), as far as it is used. */
export interface ImageManifest {
  /** Of an index: those that are for a platform. */
  readonly children: readonly Child[];
  /** Of an index: all that a runtime could choose; an entry need not say what it is for. */
  readonly listed: readonly Digest[];
  /** Of a manifest: its configuration, by whose digest runtimes know an image. */
  readonly config?: Digest;
}

/** Buildx stores attestations of its own as manifests of no platform. */
const NO_PLATFORM = 'unknown/unknown';

/** @throws EngineError MalformedSignature, or ResponseTooLarge above `maximumBytes`. */
export function parseImageManifest(bytes: Uint8Array, maximumBytes: number): ImageManifest {
  const value = parseJson(bytes, maximumBytes, 'the manifest');
  const { manifests, config } = isJsonObject(value) ? value : {};
  const entries = Array.isArray(manifests) ? manifests.flatMap(entryOf) : [];
  const listed = entries.filter(({ platform }) => platform !== NO_PLATFORM);
  const digest = isJsonObject(config) ? config['digest'] : undefined;
  return {
    children: listed.flatMap(({ digest: child, platform }) => (platform ? [{ digest: child, platform }] : [])),
    listed: listed.map((entry) => entry.digest),
    ...(isDigest(digest) && manifests === undefined && { config: digest }),
  };
}

function entryOf(entry: unknown): (Pick<Child, 'digest'> & Partial<Child>)[] {
  const { digest, platform } = isJsonObject(entry) ? entry : {};
  if (!isDigest(digest)) return [];
  if (!isJsonObject(platform)) return [{ digest }];
  const { os, architecture } = platform;
  return [{ digest, platform: `${textOf(os)}/${textOf(architecture)}` }];
}

/** A name, and no more: it stands in messages. */
function textOf(value: unknown): string {
  return typeof value === 'string' && /^[a-z0-9]{1,20}$/.test(value) ? value : '?';
}
