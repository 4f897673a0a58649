// SPDX-License-Identifier: Apache-2.0
/** OCI image-spec 1.1: blobs of an image, in the order in which they name each other. */
import { createHash } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import type { Architecture } from '../runtime-lock.ts';
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

/** The files of an OCI image layout whose one entry is `image`. */
export function layoutFiles(blobs: Blobs, image: Descriptor, tag: string): ReadonlyMap<string, Buffer> {
  const entry = { ...image, annotations: { 'org.opencontainers.image.ref.name': tag } };
  return new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    [
      'index.json',
      json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry] }),
    ],
    ...[...blobs].map(([digest, content]) => [`blobs/${digest.replace(':', '/')}`, content] as const),
  ]);
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
function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(sorted(value)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
