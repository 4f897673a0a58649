// SPDX-License-Identifier: Apache-2.0
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { EngineError } from '../../core/errors.ts';
import { digestOf, hexOf, isDigest, type Digest } from '../../core/image/digest.ts';
import { isJsonObject, isTextMap, parseJson, parseJsonObject } from '../../core/json.ts';
import { raiseLimit, type Limits } from '../../core/limits.ts';
import { errorText } from '../../core/text.ts';
import { UsageError } from '../output/exit.ts';

/** An entry of `index.json` (image-spec, image-layout.md). */
export interface LayoutEntry {
  readonly digest: Digest;
  readonly mediaType?: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A folder with images, as `cosign save`, skopeo, crane, oras and buildx write it. Nobody vouches for what is in it. */
export interface OciLayout {
  readonly folder: string;
  readonly entries: readonly LayoutEntry[];
  /** Content whose hash was compared; undefined: it is not there. @throws EngineError */
  read(digest: Digest, maximumBytes: number, limit: keyof Limits): Promise<Uint8Array | undefined>;
  /** Digests of all that may be a manifest, by its size. @throws EngineError where there are too many */
  small(maximumBytes: number): Promise<readonly Digest[]>;
}

/** Of manifests, bundles and configurations: a layout of a hundred images with all their attestations has some thousand. */
const MOST_BLOBS = 10_000;

/** Fails with `UsageError` where the folder is no layout. */
export async function openLayout(folder: string, { indexBytes }: Pick<Limits, 'indexBytes'>): Promise<OciLayout> {
  try {
    const marker = parseJsonObject(await readWhole(path.join(folder, 'oci-layout'), 1024, 'indexBytes'));
    if (typeof marker?.['imageLayoutVersion'] !== 'string' || !marker['imageLayoutVersion'].startsWith('1.'))
      throw new Error('its file oci-layout names no version 1');
    const index = parseJson(
      await readWhole(path.join(folder, 'index.json'), indexBytes, 'indexBytes'),
      indexBytes,
      'index.json',
    );
    return layoutOf(folder, entriesOf(index));
  } catch (error) {
    throw new UsageError(`${folder} is no OCI image layout: ${errorText(error)}`, { cause: error });
  }
}

function layoutOf(folder: string, entries: readonly LayoutEntry[]): OciLayout {
  const blobs = path.join(folder, 'blobs', 'sha256');
  return {
    folder,
    entries,
    async read(digest, maximumBytes, limit) {
      const bytes = await readWhole(path.join(blobs, hexOf(digest)), maximumBytes, limit).catch(orAbsent);
      if (bytes !== undefined && digestOf(bytes) !== digest)
        throw new EngineError('RegistryUnavailable', `${folder} has other content under ${digest}`);
      return bytes;
    },
    async small(maximumBytes) {
      const digests = (await readdir(blobs)).map((name) => `sha256:${name}`).filter(isDigest);
      if (digests.length > MOST_BLOBS)
        throw new EngineError('ResponseTooLarge', `${folder} has more than ${MOST_BLOBS} blobs`);
      const found: Digest[] = [];
      for (const digest of digests) {
        const { size } = await stat(path.join(blobs, hexOf(digest)));
        if (size <= maximumBytes) found.push(digest);
      }
      return found;
    },
  };
}

function entriesOf(index: unknown): readonly LayoutEntry[] {
  const manifests = isJsonObject(index) ? index['manifests'] : undefined;
  if (!Array.isArray(manifests)) throw new Error('index.json lists no manifests');
  return manifests.map((entry: unknown, position) => {
    const { digest, mediaType, annotations = {} } = isJsonObject(entry) ? entry : {};
    if (!isDigest(digest)) throw new Error(`entry ${position} of index.json has no sha256 digest`);
    const known = { digest, annotations: isTextMap(annotations) ? annotations : {} };
    return typeof mediaType === 'string' ? Object.assign(known, { mediaType }) : known;
  });
}

/** A file, and nothing that has no end. */
async function readWhole(file: string, maximumBytes: number, limit: keyof Limits): Promise<Uint8Array> {
  const found = await stat(file);
  if (!found.isFile()) throw new EngineError('RegistryUnavailable', `${file} is no file`);
  const handle = await open(file);
  try {
    const buffer = Buffer.alloc(Math.min(found.size, maximumBytes) + 1);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
    if (bytesRead <= maximumBytes && bytesRead === found.size) return buffer.subarray(0, bytesRead);
    const message = `${file} is longer than the ${maximumBytes} bytes allowed`;
    throw new EngineError('ResponseTooLarge', message, { remedy: raiseLimit(limit) });
  } finally {
    await handle.close();
  }
}

function orAbsent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
