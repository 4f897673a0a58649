// SPDX-License-Identifier: Apache-2.0
// What rows put into a registry as it stands, where no tool writes it so any more.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workshop } from '../vectors/cosign/workshop.ts';
import { P256 } from './bench.ts';

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const EMPTY = Buffer.from('{}');

export interface Place {
  readonly host: string;
  readonly repository: string;
}

export interface Piece {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** As far as rows look into one. */
export interface WrittenManifest {
  readonly mediaType: string;
  readonly config: object;
  readonly layers: readonly { readonly annotations?: object }[];
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `host/repository` of an image that is given by its digest, and the digest. */
export function partsOf(image: string): readonly [name: string, digest: string] {
  const [name = '', digest = ''] = image.split('@');
  return [name, digest];
}

/** The tag that cosign makes of a digest. */
export function tagOf(image: string, suffix = ''): string {
  return `${partsOf(image)[1].replace(':', '-')}${suffix}`;
}

export async function putBlob(
  { host, repository }: Place,
  content: Uint8Array | string,
  mediaType: string,
): Promise<Piece> {
  const bytes = Buffer.from(content);
  const digest = sha256(bytes);
  const opened = await fetch(`http://${host}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(opened.headers.get('location') ?? '', `http://${host}`);
  location.host = host;
  location.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream' };
  await requireCreated(await fetch(location, { method: 'PUT', body: bytes, headers }));
  return { mediaType, digest, size: bytes.length };
}

/** @param reference a tag; by its digest unless given */
export async function putManifest(
  { host, repository }: Place,
  content: object | string,
  mediaType: string,
  reference?: string,
): Promise<Piece> {
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
  const digest = sha256(bytes);
  const url = `http://${host}/v2/${repository}/manifests/${reference ?? digest}`;
  await requireCreated(await fetch(url, { method: 'PUT', body: bytes, headers: { 'content-type': mediaType } }));
  return { mediaType, digest, size: bytes.length };
}

export async function readManifest({ host, repository }: Place, reference: string): Promise<string> {
  const headers = { accept: `${OCI_INDEX}, ${OCI_MANIFEST}, application/vnd.docker.distribution.manifest.v2+json` };
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, { headers });
  if (!answer.ok) throw new Error(`no manifest ${reference}: HTTP ${answer.status}`);
  return answer.text();
}

/** The empty configuration of an artifact (image-spec, manifest.md). */
export function putEmpty(place: Place): Promise<Piece> {
  return putBlob(place, EMPTY, 'application/vnd.oci.empty.v1+json');
}

async function requireCreated(answer: Response): Promise<void> {
  if (answer.status !== 201) throw new Error(`HTTP ${answer.status}: ${await answer.text()}`);
}

const keys = new Map<string, Promise<string>>();

/** A key that several rows sign with: cosign asks before it replaces one. @returns the name of its file */
export function sharedKey(workshop: Workshop, name: string, algorithm: readonly string[] = P256): Promise<string> {
  const place = `${workshop.folder} ${name}`;
  const made = keys.get(place) ?? workshop.key(name, algorithm);
  keys.set(place, made);
  return made;
}

/** @returns its name in the workshop's folder */
export async function fileIn({ folder }: Workshop, name: string, content: string | Uint8Array): Promise<string> {
  await writeFile(join(folder, name), content);
  return name;
}

/** Writes the manifest of a tag anew. */
export async function rewriteManifest(
  place: Place,
  tag: string,
  change: (manifest: WrittenManifest) => object | string,
): Promise<void> {
  const manifest: WrittenManifest = JSON.parse(await readManifest(place, tag));
  await putManifest(place, change(manifest), manifest.mediaType, tag);
}
