// SPDX-License-Identifier: Apache-2.0
import { parseImageManifest, type ImageManifest } from '../../formats/image-manifest.ts';
import type { Digest } from '../../image/digest.ts';
import type { Repository } from '../../image/types.ts';
import type { Limits } from '../../limits.ts';
import type { RegistryClient, RequestScope } from '../../registry/types.ts';

/** A digest where it is stored. */
export interface Stored {
  readonly repository: Repository;
  readonly digest: Digest;
}

export interface ContentDependencies {
  readonly registry: RegistryClient;
  readonly limits: () => Pick<Limits, 'manifestBytes'>;
}

/**
 * Whether a node that runs `running` runs what `named` names. `unknown`: it can't be told, because a manifest is gone, or
 * because a manifest alone doesn't say of which index it was.
 */
export type Sameness = 'same' | 'different' | 'unknown';

/** Manifests of an index that are read for their configurations; images for more platforms are rare. */
const MOST_CHILDREN = 8;

/**
 * What a node names may be the manifest for its platform, where an index was pulled (CRI-O); another index of the same
 * manifests; or another manifest of the same configuration: containerd knows an image by the digest of its
 * configuration and names the first reference that it has for that. A configuration lists the digests of all unpacked
 * layers, and runtimes check them, so an equal one is equal content.
 *
 * Every manifest is read by its digest and hashed. At most 2 requests, and one for each manifest of the index.
 * Fails as the registry client does.
 */
export async function compareContent(
  named: Stored,
  running: Stored,
  scope: RequestScope,
  dependencies: ContentDependencies,
): Promise<Sameness> {
  if (named.digest === running.digest) return 'same';
  const read = (stored: Stored) => readManifest(stored, scope, dependencies);
  const signed = await read(named);
  if (signed === undefined) return 'unknown';
  if (signed.listed.includes(running.digest)) return 'same';
  const found = await read(running);
  return found === undefined ? 'unknown' : compareManifests(signed, found, (digest) => read({ ...named, digest }));
}

type ReadPart = (digest: Digest) => Promise<ImageManifest | undefined>;

async function compareManifests(signed: ImageManifest, found: ImageManifest, read: ReadPart): Promise<Sameness> {
  if (found.listed.length > 0) return isWithin(found, signed) ? 'same' : 'different';
  if (signed.config !== undefined) return sameConfig(found, signed) ? 'same' : 'different';
  return (await hasSameConfig(found, signed, read)) ? 'same' : 'unknown';
}

/** Whichever of them the node chose. */
function isWithin(found: ImageManifest, signed: ImageManifest): boolean {
  const parts = new Set(signed.listed);
  return found.listed.every((digest) => parts.has(digest));
}

async function hasSameConfig(found: ImageManifest, { listed }: ImageManifest, read: ReadPart): Promise<boolean> {
  for (const digest of listed.slice(0, MOST_CHILDREN)) {
    const part = await read(digest);
    if (part !== undefined && sameConfig(found, part)) return true;
  }
  return false;
}

/** Whether it may have been pulled as a part of an index: of an index itself, or of what is gone, that is not known. */
export async function isSingle(
  stored: Stored,
  scope: RequestScope,
  dependencies: ContentDependencies,
): Promise<boolean> {
  const manifest = await readManifest(stored, scope, dependencies);
  return manifest?.config !== undefined;
}

async function readManifest(
  { repository, digest }: Stored,
  scope: RequestScope,
  { registry, limits }: ContentDependencies,
): Promise<ImageManifest | undefined> {
  const { manifestBytes } = limits();
  const manifest = await registry.getManifest(repository, digest, manifestBytes, scope);
  return manifest && parseImageManifest(manifest.bytes, manifestBytes);
}

function sameConfig(a: ImageManifest, b: ImageManifest): boolean {
  return a.config !== undefined && a.config === b.config;
}
