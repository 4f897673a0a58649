// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Manifest {
  readonly mediaType: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

const MANIFEST_TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

/** Copies repositories out of registries into one OCI image layout (image-spec, image-layout.md). */
export class LayoutWriter {
  readonly #folder: string;
  readonly #entries: (Descriptor & { readonly annotations: Readonly<Record<string, string>> })[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** All tags of a repository and whatever hangs on them: children, referrers and blobs. */
  async copy(host: string, repository: string): Promise<void> {
    const base = `http://${host}/v2/${repository}`;
    const { tags }: { tags: readonly string[] } = JSON.parse((await get(`${base}/tags/list`)).toString());
    const seen = new Set<string>();
    for (const tag of tags.toSorted()) {
      const digest = await this.#copyManifest(base, `${repository}:${tag}`, tag, seen);
      const referrers = await get(`${base}/referrers/${digest}`).catch(() => undefined);
      const { manifests = [] }: Partial<Manifest> = JSON.parse(referrers?.toString() ?? '{}');
      for (const { digest: referrer } of manifests) {
        await this.#copyManifest(base, `${repository}@${referrer}`, referrer, seen);
      }
    }
  }

  async finish(): Promise<void> {
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: this.#entries,
    };
    await writeFile(join(this.#folder, 'index.json'), `${JSON.stringify(index, null, 1)}\n`);
    await writeFile(join(this.#folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}\n');
  }

  async #copyManifest(base: string, name: string, reference: string, seen: Set<string>): Promise<string> {
    const bytes = await get(`${base}/manifests/${reference}`);
    const digest = await this.#write(bytes);
    if (seen.has(digest) && name.includes('@')) return digest;
    seen.add(digest);
    const manifest: Manifest = JSON.parse(bytes.toString());
    const annotations = { 'org.opencontainers.image.ref.name': name };
    this.#entries.push({ mediaType: manifest.mediaType, digest, size: bytes.length, annotations });
    for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
      if (blob !== undefined) await this.#write(await get(`${base}/blobs/${blob.digest}`));
    }
    for (const child of manifest.manifests ?? []) {
      await this.#copyManifest(base, `${name.replace(/[:@].*/, '')}@${child.digest}`, child.digest, seen);
    }
    return digest;
  }

  async #write(bytes: Uint8Array): Promise<string> {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const folder = join(this.#folder, 'blobs', 'sha256');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, hex), bytes);
    return `sha256:${hex}`;
  }
}

async function get(url: string): Promise<Buffer> {
  const answer = await fetch(url, { headers: { accept: MANIFEST_TYPES.join(', ') } });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}
