// SPDX-License-Identifier: Apache-2.0
/** OCI image-spec 1.1, image layout: a folder with everything that one reference names. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { json, type Blobs, type Descriptor } from './oci.ts';
import { writeTar, type TarEntry } from './tar.ts';

export interface Layout {
  /** What is pushed, signed and deployed: an image's index, or the manifest of what has none. */
  readonly root: Descriptor;
  readonly files: ReadonlyMap<string, Buffer>;
}

/** A layout whose one entry is `root`. */
export function layoutOf(blobs: Blobs, root: Descriptor, tag?: string): Layout {
  const entry = { ...root, ...(tag !== undefined && { annotations: { 'org.opencontainers.image.ref.name': tag } }) };
  const files = new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    [
      'index.json',
      json({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry] }),
    ],
    ...[...blobs].map(([digest, content]) => [`blobs/${digest.replace(':', '/')}`, content] as const),
  ]);
  return { root, files };
}

/** Replaces the folder; a layout that is there before stays until this one is complete. */
export async function writeLayout(layout: Layout, folder: string): Promise<void> {
  const beside = `${folder}.new`;
  await rm(beside, { recursive: true, force: true });
  await mkdir(path.join(beside, 'blobs/sha256'), { recursive: true });
  for (const [name, content] of layout.files) await writeFile(path.join(beside, name), content);
  await rm(folder, { recursive: true, force: true });
  await rename(beside, folder);
}

/** The layout as one file, for `docker load`, `podman load` and air gaps. */
export function layoutTar(layout: Layout): Buffer {
  return writeTar(
    [...layout.files].map(([name, content]): TarEntry => ({ path: name, type: 'file', mode: 0o644, content })),
  );
}
