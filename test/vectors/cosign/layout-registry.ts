// SPDX-License-Identifier: Apache-2.0
import { UNBOUNDED } from '../../../core/registry/read-budget.ts';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, hexOf, isDigest } from '../../../core/image/digest.ts';
import type { Digest } from '../../../core/image/digest.ts';
import type { Repository } from '../../../core/image/types.ts';
import type { Descriptor, RegistryClient, RequestScope } from '../../../core/registry/types.ts';

const folder = join(import.meta.dirname, 'layout');
let entriesRead: readonly Entry[] | undefined;
const REFERENCE = 'org.opencontainers.image.ref.name';

interface Entry {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly name: string;
}

/** Replaces what the registry would serve; `name` is `<repository>:<tag>` or `<repository>@<digest>`. */
export type Tamper = (name: string, bytes: Uint8Array) => Uint8Array | undefined;

export interface LayoutRegistry extends RegistryClient {
  /** What was asked for, in order: `manifest demo/signed:sha256-….sig`, `blob sha256:…`, `referrers demo/bundle`. */
  readonly requests: string[];
  digest(name: string): Digest;
}

/** Serves the vectors' image layout from memory; `tamper` makes it a hostile registry that hashes correctly. */
export function createLayoutRegistry(tamper: Tamper = (_name, bytes) => bytes): LayoutRegistry {
  const entries = readEntries();
  const requests: string[] = [];
  const read = (name: string, digest: Digest) => {
    const bytes = readBlob(digest);
    return bytes && tamper(name, bytes);
  };

  return {
    requests,
    digest: (name) => {
      const entry = entries.find((candidate) => candidate.name === name);
      if (entry === undefined) throw new Error(`no vector is named ${name}`);
      return entry.digest;
    },
    resolveTag: async ({ path }, tag) => entries.find(({ name }) => name === `${path}:${tag}`)?.digest,
    getManifest: async ({ path }, reference) => {
      const name = isDigest(reference) ? `${path}@${reference}` : `${path}:${reference}`;
      requests.push(`manifest ${name}`);
      const entry = entries.find((candidate) =>
        isDigest(reference)
          ? candidate.digest === reference && candidate.name.startsWith(path)
          : candidate.name === name,
      );
      const bytes = entry && read(name, entry.digest);
      return entry && bytes && { digest: digestOf(bytes), mediaType: entry.mediaType, bytes };
    },
    getBlob: async ({ path }, { digest }) => {
      requests.push(`blob ${digest}`);
      return read(`${path}@${digest}`, digest);
    },
    listReferrers: async ({ path }, digest) => {
      requests.push(`referrers ${path}`);
      const tag = entries.find(({ name }) => name === `${path}:sha256-${hexOf(digest)}`);
      const bytes = tag && read(tag.name, tag.digest);
      const descriptors = bytes === undefined ? referrersOf(entries, path, digest) : manifestsIn(bytes);
      return { descriptors, truncated: false };
    },
  };
}

export const repositoryOf = (name: string, registry = 'registry.example.com'): Repository => ({
  registry,
  path: name.replace(/[:@].*/, ''),
});

export const freshScope = (): RequestScope => ({
  signal: new AbortController().signal,
  keychain: { resolve: async () => [] },
  budget: UNBOUNDED,
    count: () => {},
});

export const publicKeyFile = (name: string): string =>
  readFileSync(join(import.meta.dirname, 'keys', `${name}.pub`), 'utf8');

/** Where the vectors were signed: what their payloads call the registry. */
export const signingRegistry: string = readMade().registries[0];

/** All images of the vectors: tags that a person gave. */
export const imageNames: readonly string[] = readEntries()
  .map(({ name }) => name)
  .filter((name) => !name.includes('@') && !/:sha256-[0-9a-f]{64}/.test(name));

const blobs = new Map<Digest, Uint8Array | undefined>();

function readBlob(digest: Digest): Uint8Array | undefined {
  if (!blobs.has(digest)) {
    const file = join(folder, 'blobs', 'sha256', hexOf(digest));
    blobs.set(digest, existsSync(file) ? readFileSync(file) : undefined);
  }
  return blobs.get(digest);
}

function readMade(): { readonly registries: readonly [string, string] } {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'made.json'), 'utf8'));
}

interface Index {
  readonly manifests: readonly (Descriptor & { readonly annotations: Record<string, string> })[];
}

/** Once a process: they are the same for all registries. */
function readEntries(): readonly Entry[] {
  entriesRead ??= parseEntries();
  return entriesRead;
}

function parseEntries(): readonly Entry[] {
  const index: Index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
  return index.manifests.map(({ mediaType, digest, annotations }) => ({
    mediaType,
    digest,
    name: annotations[REFERENCE] ?? '',
  }));
}

/** As the referrers API answers: from the manifests' subjects. */
function referrersOf(entries: readonly Entry[], path: string, digest: Digest): readonly Descriptor[] {
  return entries
    .filter(({ name }) => name.startsWith(`${path}@`))
    .map(({ digest: referrer }) => ({ referrer, bytes: Buffer.from(readBlob(referrer) ?? '') }))
    .map(({ referrer, bytes }) => ({ referrer, size: bytes.length, manifest: JSON.parse(bytes.toString()) }))
    .filter(({ manifest }) => manifest.subject?.digest === digest)
    .map(({ referrer, size, manifest }) => ({
      mediaType: manifest.mediaType,
      digest: referrer,
      size,
      artifactType: manifest.artifactType ?? manifest.config.mediaType,
      annotations: manifest.annotations,
    }));
}

function manifestsIn(bytes: Uint8Array): readonly Descriptor[] {
  const index: Index = JSON.parse(Buffer.from(bytes).toString());
  return index.manifests;
}
