// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../../../core/image/digest.ts';
import type { Digest } from '../../../core/image/digest.ts';

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

interface StoredRepository {
  readonly blobs: Map<string, Uint8Array>;
  readonly manifests: Map<string, StoredManifest>;
  readonly tags: Map<string, Digest>;
}

interface ReferrerEntry {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: unknown;
}

/** What a registry keeps, by repository and digest; no HTTP. */
export class RegistryContent {
  readonly #repositories = new Map<string, StoredRepository>();

  putBlob(repository: string, content: Uint8Array | string): { digest: Digest; size: number } {
    const bytes = Buffer.from(content);
    const digest = digestOf(bytes);
    this.#open(repository).blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  /** An object is stored as its JSON; `mediaType` defaults to the one that it states. */
  putManifest(repository: string, manifest: object | Uint8Array, tag?: string, mediaType?: string): Digest {
    const bytes = manifest instanceof Uint8Array ? manifest : Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes);
    const stated = mediaType ?? statedMediaType(bytes);
    this.#open(repository).manifests.set(digest, { mediaType: stated, bytes });
    if (tag !== undefined) this.tag(repository, tag, digest);
    return digest;
  }

  tag(repository: string, tag: string, digest: Digest): void {
    this.#open(repository).tags.set(tag, digest);
  }

  blob(repository: string, digest: string): Uint8Array | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  manifest(repository: string, reference: string): (StoredManifest & { readonly digest: string }) | undefined {
    const stored = this.#repositories.get(repository);
    const digest = reference.includes(':') ? reference : stored?.tags.get(reference);
    const manifest = digest === undefined ? undefined : stored?.manifests.get(digest);
    return digest !== undefined && manifest ? { ...manifest, digest } : undefined;
  }

  /** Descriptors of the manifests whose `subject` is the digest (distribution-spec, "Listing Referrers"). */
  referrers(repository: string, subject: string): readonly ReferrerEntry[] {
    const manifests = [...(this.#repositories.get(repository)?.manifests ?? [])];
    return manifests.flatMap(([digest, { mediaType, bytes }]) => {
      const manifest = JSON.parse(Buffer.from(bytes).toString('utf8'));
      if (manifest.subject?.digest !== subject) return [];
      const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
      return [{ mediaType, digest, size: bytes.length, artifactType, annotations: manifest.annotations }];
    });
  }

  #open(repository: string): StoredRepository {
    const known = this.#repositories.get(repository);
    if (known) return known;
    const fresh: StoredRepository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.#repositories.set(repository, fresh);
    return fresh;
  }
}

function statedMediaType(bytes: Uint8Array): string {
  const stated = JSON.parse(Buffer.from(bytes).toString('utf8')).mediaType;
  return typeof stated === 'string' ? stated : 'application/vnd.oci.image.manifest.v1+json';
}

/** Splits `team/app:1.0` and `team/app@sha256:…`; the tag is absent for a digest. */
function splitName(name: string): { repository: string; tag?: string } {
  const at = name.indexOf('@');
  if (at !== -1) return { repository: name.slice(0, at) };
  const colon = name.lastIndexOf(':');
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

interface LayoutDescriptor {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Puts an OCI image layout into the registry. Each entry of index.json is named by its annotation
 * `org.opencontainers.image.ref.name`: `<repository>:<tag>` or `<repository>@<digest>`. What the
 * manifests point to comes along.
 */
export async function loadLayout(content: RegistryContent, directory: string): Promise<void> {
  const index = JSON.parse(await readFile(join(directory, 'index.json'), 'utf8'));
  const entries: readonly LayoutDescriptor[] = index.manifests;
  for (const entry of entries) {
    const name = entry.annotations?.['org.opencontainers.image.ref.name'];
    if (name === undefined) throw new Error(`${directory}: ${entry.digest} has no ref.name`);
    const { repository, tag } = splitName(name);
    await copyManifest(content, { directory, repository }, entry);
    if (tag !== undefined) content.tag(repository, tag, entry.digest);
  }
}

async function copyManifest(
  content: RegistryContent,
  from: { readonly directory: string; readonly repository: string },
  { digest, mediaType }: LayoutDescriptor,
): Promise<void> {
  const read = (name: Digest) => readFile(join(from.directory, 'blobs', 'sha256', name.slice('sha256:'.length)));
  const bytes = await read(digest);
  content.putManifest(from.repository, bytes, undefined, mediaType);
  const { manifests = [], layers = [], config } = JSON.parse(bytes.toString('utf8'));
  for (const child of manifests) {
    // A fallback tag's index may list referrers that the layout leaves out.
    await copyManifest(content, from, child).catch(ignoreMissing);
  }
  for (const blob of config ? [config, ...layers] : layers) {
    const copied = await read(blob.digest).catch(ignoreMissing);
    if (copied) content.putBlob(from.repository, copied);
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
