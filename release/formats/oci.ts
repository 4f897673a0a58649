// SPDX-License-Identifier: Apache-2.0
/** OCI image-spec 1.1: blobs of an image, in the order in which they name each other. */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Architecture } from '../inputs/runtime-lock.ts';
import { writeTar, type TarEntry } from './tar.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: Architecture; readonly os: 'linux' };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Content by digest: the folder `blobs` of a layout. */
export type Blobs = Map<string, Buffer>;

export interface Layer {
  readonly descriptor: Descriptor;
  /** Digest of the layer before compression, as the configuration lists it. */
  readonly diffId: string;
}

export interface ImageConfig {
  readonly architecture: Architecture;
  /** RFC 3339; left out unless the builder says so, since it would change the digest. */
  readonly created?: string;
  readonly config: {
    readonly User: string;
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
}

/**
 * zstd, since its output for a given version is the same on every processor: the gzip of Node has other code paths, and
 * other bytes, where the processor has other instructions. Level 3 is within a tenth of what 9 saves.
 */
export function addLayer(blobs: Blobs, files: readonly TarEntry[]): Layer {
  const tar = writeTar(files);
  const compressed = zstdCompressSync(tar, {
    params: {
      [constants.ZSTD_c_compressionLevel]: 3,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_nbWorkers]: 0,
    },
  });
  return {
    descriptor: addBlob(blobs, 'application/vnd.oci.image.layer.v1.tar+zstd', compressed),
    diffId: digestOf(tar),
  };
}

export function addImage(blobs: Blobs, image: ImageConfig, layers: readonly Layer[]): Descriptor {
  const config = addJson(blobs, 'application/vnd.oci.image.config.v1+json', {
    ...image,
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = addJson(blobs, 'application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config,
    layers: layers.map(({ descriptor }) => descriptor),
    annotations: image.config.Labels,
  });
  return { ...manifest, platform: { architecture: image.architecture, os: 'linux' } };
}

export function addIndex(
  blobs: Blobs,
  manifests: readonly Descriptor[],
  annotations: Readonly<Record<string, string>>,
): Descriptor {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  return addJson(blobs, mediaType, { schemaVersion: 2, mediaType, manifests, annotations });
}

/** What is no container image: a chart, a signature. */
export interface Artifact {
  readonly artifactType?: string;
  /** Left out, the empty object that the specification asks for. */
  readonly config?: Part;
  readonly content: Part;
  readonly annotations: Readonly<Record<string, string>>;
  /** What it is about: a registry lists it there. */
  readonly subject?: Descriptor;
}

export interface Part {
  readonly mediaType: string;
  readonly content: Buffer;
}

const EMPTY: Part = { mediaType: 'application/vnd.oci.empty.v1+json', content: Buffer.from('{}') };

export function addArtifact(blobs: Blobs, { config = EMPTY, content, subject, ...rest }: Artifact): Descriptor {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  return addJson(blobs, mediaType, {
    schemaVersion: 2,
    mediaType,
    ...rest,
    config: addBlob(blobs, config.mediaType, config.content),
    layers: [addBlob(blobs, content.mediaType, content.content)],
    ...(subject && { subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size } }),
  });
}

export function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

function addJson(blobs: Blobs, mediaType: string, value: unknown): Descriptor {
  return addBlob(blobs, mediaType, json(value));
}

function addBlob(blobs: Blobs, mediaType: string, content: Buffer): Descriptor {
  const digest = digestOf(content);
  blobs.set(digest, content);
  return { mediaType, digest, size: content.length };
}

/** JSON with sorted keys: the digest doesn't depend on the order in which the code names them. */
export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(sorted(value)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
