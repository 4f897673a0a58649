// SPDX-License-Identifier: Apache-2.0
import { digestOf } from '../image/digest.ts';
import type { Digest } from '../image/digest.ts';
import type { Repository } from '../image/types.ts';
import { createRecentlyUsed } from '../recently-used.ts';

const MAXIMUM_REPOSITORIES = 2000;
const TEMPLATES_PER_REPOSITORY = 2;
const MAXIMUM_TEMPLATE_CHARACTERS = 4096;

/** What stands before and after the digest in a payload that was seen for a repository. */
interface Template {
  readonly before: string;
  readonly after: string;
}

/**
 * Payloads as seen per repository, so that the next image's need not be fetched. Only a saving: what is
 * predicted counts where its hash and size are those that the manifest names. Bounded; a hostile
 * repository can only spoil its own entry.
 */
export interface PayloadTemplates {
  predict(repository: Repository, digest: Digest): readonly Uint8Array[];
  learn(repository: Repository, digest: Digest, payload: Uint8Array): void;
}

export function createPayloadTemplates(): PayloadTemplates {
  const templates = createRecentlyUsed<readonly Template[]>(MAXIMUM_REPOSITORIES);
  return {
    predict: (repository, digest) =>
      (templates.get(nameOf(repository)) ?? []).map(({ before, after }) => Buffer.from(before + digest + after)),
    learn: (repository, digest, payload) => {
      const template = templateOf(payload, digest);
      if (template === undefined) return;
      const known = templates.get(nameOf(repository)) ?? [];
      const others = known.filter(({ before, after }) => before !== template.before || after !== template.after);
      templates.set(nameOf(repository), [template, ...others].slice(0, TEMPLATES_PER_REPOSITORY));
    },
  };
}

/** What one image's payload may be: whose repository signed it is known, or was seen before. */
export interface PredictionInput {
  readonly digest: Digest;
  /** Where the image is pulled from, and where its signatures live: mostly one and the same. */
  readonly repositories: readonly Repository[];
  readonly templates: PayloadTemplates;
}

/** Payloads that cosign may have signed for this image, by their digest. */
export function predictPayloads({ digest, repositories, templates }: PredictionInput): Map<Digest, Uint8Array> {
  const payloads = new Map<Digest, Uint8Array>();
  for (const repository of new Set(repositories)) {
    for (const payload of [cosignPayload(cosignName(repository), digest), ...templates.predict(repository, digest)]) {
      payloads.set(digestOf(payload), payload);
    }
  }
  return payloads;
}

/**
 * The payload of `cosign sign` without annotations, byte for byte: Go's `json.Marshal` of the struct in
 * sigstore's pkg/signature/payload.
 */
export function cosignPayload(dockerReference: string, digest: Digest): Uint8Array {
  return Buffer.from(
    `{"critical":{"identity":{"docker-reference":${goString(dockerReference)}},` +
      `"image":{"docker-manifest-digest":"${digest}"},` +
      `"type":"cosign container image signature"},"optional":null}`,
  );
}

/** The repository as cosign spells it: go-containerregistry's name for Docker Hub is index.docker.io. */
export function cosignName({ registry, path }: Repository): string {
  return `${registry === 'docker.io' ? 'index.docker.io' : registry}/${path}`;
}

/** Go escapes for HTML as well (encoding/json, HTMLEscape). */
function goString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function templateOf(payload: Uint8Array, digest: Digest): Template | undefined {
  if (payload.length > MAXIMUM_TEMPLATE_CHARACTERS) return undefined;
  const parts = Buffer.from(payload).toString().split(digest);
  const [before, after] = parts;
  return parts.length === 2 && before !== undefined && after !== undefined ? { before, after } : undefined;
}

function nameOf({ registry, path }: Repository): string {
  return `${registry}/${path}`;
}
