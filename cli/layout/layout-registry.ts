// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../core/errors.ts';
import { isDigest, type Digest } from '../../core/image/digest.ts';
import { isJsonObject, isTextMap, parseJsonObject, type JsonObject } from '../../core/json.ts';
import type { Limits } from '../../core/limits.ts';
import { manifestType } from '../../core/registry/reading/manifests.ts';
import type { Descriptor, RegistryClient } from '../../core/registry/types.ts';
import { attestationTag } from '../../core/cosign/attestation-tag.ts';
import { signatureTag } from '../../core/cosign/simple-signing.ts';
import { errorText } from '../../core/text.ts';
import type { LayoutEntry, OciLayout } from './oci-layout.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';
const CONTAINERD_NAME = 'io.containerd.image.name';
/** How `cosign save` says what an entry is, without a name. */
const COSIGN_KIND = 'kind';
const SIGNATURES = 'dev.cosignproject.cosign/sigs';
const ATTESTATIONS = 'dev.cosignproject.cosign/atts';

/**
 * Reads a layout as if it were the registry of every image: what is signed is a digest, and names are whoever asks' to say.
 * Signatures are found by `cosign save`'s kinds, by the tags that cosign gives them, and by the subject of any manifest.
 * Nothing is asked over the network.
 */
export function createLayoutRegistry(layout: OciLayout, limits: Limits): RegistryClient {
  let bySubject: Promise<ReadonlyMap<Digest, readonly Descriptor[]>> | undefined;
  return {
    resolveTag: ({ path }, tag) =>
      guarded(async () => {
        const reference = isDigest(tag) ? tag : entryOf(layout.entries, path, tag)?.digest;
        const isThere =
          reference && (await layout.read(reference, limits.manifestBytes, 'manifestBytes')) !== undefined;
        return isThere ? reference : undefined;
      }),
    getManifest: ({ path }, reference, maximumBytes) =>
      guarded(async () => {
        const entry = isDigest(reference)
          ? layout.entries.find(({ digest }) => digest === reference)
          : entryOf(layout.entries, path, reference);
        const digest = isDigest(reference) ? reference : entry?.digest;
        const bytes = digest && (await layout.read(digest, maximumBytes, 'manifestBytes'));
        return digest && bytes && { digest, bytes, mediaType: manifestType(bytes, entry?.mediaType, layout.folder) };
      }),
    getBlob: (_repository, { digest, size }) =>
      guarded(async () => {
        const bytes = await layout.read(digest, Math.max(limits.bundleBytes, limits.payloadBytes), 'bundleBytes');
        if (bytes === undefined || bytes.length === size) return bytes;
        throw new EngineError('MalformedSignature', `${digest} is not ${size} bytes long, as its manifest says`);
      }),
    listReferrers: (_repository, digest) =>
      guarded(async () => {
        bySubject ??= readReferrers(layout, limits);
        return { descriptors: (await bySubject).get(digest) ?? [], truncated: false };
      }),
  };
}

/** Whatever else the file system says is no word about the image. */
async function guarded<T>(reading: () => Promise<T>): Promise<T> {
  try {
    return await reading();
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError('RegistryUnavailable', `the layout can not be read: ${errorText(error)}`);
  }
}

/** The entry with this tag; where the only image has no name, that. */
function entryOf(entries: readonly LayoutEntry[], path: string, tag: string): LayoutEntry | undefined {
  const named = entries.find((entry) => isNamed(entry, path, tag));
  if (named !== undefined) return named;
  const attached = entries.findIndex((_entry, position) => attachedTag(entries, position) === tag);
  if (attached !== -1) return entries[attached];
  const [only, ...others] = imagesOf(entries);
  return only !== undefined && others.length === 0 && namesOf(only).length === 0 && !isCosignTag(tag)
    ? only
    : undefined;
}

/** As skopeo and buildx write it, the tag alone, or with the repository, or all of the reference. */
function isNamed(entry: LayoutEntry, path: string, tag: string): boolean {
  return namesOf(entry).some((name) => name === tag || name === `${path}:${tag}` || name.endsWith(`/${path}:${tag}`));
}

function namesOf({ annotations }: LayoutEntry): readonly string[] {
  return [annotations[REF_NAME], annotations[CONTAINERD_NAME]].filter((name) => name !== undefined);
}

/** `cosign save` writes the signatures of an image behind it. */
function attachedTag(entries: readonly LayoutEntry[], position: number): string | undefined {
  const kind = entries[position]?.annotations[COSIGN_KIND];
  if (kind !== SIGNATURES && kind !== ATTESTATIONS) return undefined;
  const image = imagesOf(entries.slice(0, position)).at(-1);
  if (image === undefined) return undefined;
  return kind === SIGNATURES ? signatureTag(image.digest) : attestationTag(image.digest);
}

/** What is no evidence about another. */
function imagesOf(entries: readonly LayoutEntry[]): readonly LayoutEntry[] {
  return entries.filter((entry) => {
    const kind = entry.annotations[COSIGN_KIND];
    return kind !== SIGNATURES && kind !== ATTESTATIONS && !namesOf(entry).some((name) => isCosignTag(name));
  });
}

/** Of the images that a layout lists; what is about another one is none. @throws EngineError */
export async function digestsOf(
  layout: OciLayout,
  { manifestBytes }: Pick<Limits, 'manifestBytes'>,
): Promise<readonly Digest[]> {
  const found = new Set<Digest>();
  for (const { digest } of imagesOf(layout.entries)) {
    const bytes = await layout.read(digest, manifestBytes, 'manifestBytes');
    if (bytes === undefined || parseJsonObject(bytes)?.['subject'] === undefined) found.add(digest);
  }
  return [...found];
}

function isCosignTag(name: string): boolean {
  return /(?:^|:)sha256-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/.test(name);
}

/** All manifests with a subject: `index.json` need not list them, and `cosign save` does not. */
async function readReferrers(layout: OciLayout, limits: Limits): Promise<ReadonlyMap<Digest, readonly Descriptor[]>> {
  const found = new Map<Digest, Descriptor[]>();
  for (const digest of await layout.small(limits.manifestBytes)) {
    const bytes = await layout.read(digest, limits.manifestBytes, 'manifestBytes');
    const manifest = bytes?.[0] === BRACE ? parseJsonObject(bytes) : undefined;
    const subject = manifest && isJsonObject(manifest['subject']) ? manifest['subject']['digest'] : undefined;
    if (bytes === undefined || manifest === undefined || !isDigest(subject)) continue;
    found.set(subject, [...(found.get(subject) ?? []), descriptorOf(manifest, { digest, size: bytes.length })]);
  }
  return found;
}

const BRACE = 0x7b;

/** As the referrers API describes it (distribution-spec, "Listing Referrers"). */
function descriptorOf(manifest: JsonObject, content: Pick<Descriptor, 'digest' | 'size'>): Descriptor {
  const { mediaType, artifactType, config, annotations } = manifest;
  const type = artifactType ?? (isJsonObject(config) ? config['mediaType'] : undefined);
  return {
    mediaType: typeof mediaType === 'string' ? mediaType : 'application/vnd.oci.image.manifest.v1+json',
    ...content,
    ...(typeof type === 'string' && { artifactType: type }),
    ...(isTextMap(annotations) && { annotations }),
  };
}
