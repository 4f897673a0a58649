// SPDX-License-Identifier: Apache-2.0
import { selectReferrers } from '../../cosign/referrer-selection.ts';
import { signatureTag } from '../../cosign/simple-signing.ts';
import { COSIGN_SIGNATURE } from '../../cosign/statement.ts';
import { parseImageManifest } from '../../formats/image-manifest.ts';
import type { ResolvedImage } from '../../signatures/types.ts';
import type { Digest } from '../../image/digest.ts';
import type { Repository } from '../../image/types.ts';
import type { Limits } from '../../limits.ts';
import type { RegistryClient, RequestScope } from '../../registry/types.ts';
import type { ImageEvidence } from '../evidence/evidence.ts';
import type { FormatMemory } from '../evidence/format-memory.ts';

/** Of an image without a signature: what it has to do with an image index, in a sentence; empty where it is not known. */
export type TellPlatforms = (question: PlatformQuestion) => Promise<string>;

export interface PlatformQuestion {
  readonly image: ResolvedImage;
  /** Where its signatures would be. */
  readonly signatures: Repository;
  /** What was read of it: asked once for each. */
  readonly evidence: ImageEvidence;
  readonly scope: RequestScope;
}

interface PlatformOptions {
  readonly registry: RegistryClient;
  /** Where signatures are looked for; what is in the other format stays unsaid. */
  readonly formats: FormatMemory;
  readonly limits: () => Pick<Limits, 'manifestBytes'>;
}

const MOST_TAGS = 8;

/**
 * `cosign sign` signs what a tag names: of several platforms the index, and not its manifests. Who signed the one and
 * runs the other is told so, with two requests at the most, and only where there is no signature at all.
 */
export function createPlatformTeller(options: PlatformOptions): TellPlatforms {
  /** By the tag that was given. */
  const told = new WeakMap<ImageEvidence, Map<string, string>>();
  return async (question) => {
    const { tag = '' } = question.image;
    const before = told.get(question.evidence) ?? new Map<string, string>();
    const known = before.get(tag);
    if (known !== undefined) return known;
    try {
      const sentence = await platformsOf(question, options);
      if (before.size < MOST_TAGS) told.set(question.evidence, before.set(tag, sentence));
      return sentence;
    } catch {
      return ''; // it explains a refusal, and must not become another
    }
  };
}

async function platformsOf(question: PlatformQuestion, options: PlatformOptions): Promise<string> {
  const { image, scope } = question;
  const { repository, digest, tag } = image;
  const { manifestBytes } = options.limits();
  const named = await options.registry.getManifest(repository, tag ?? digest, manifestBytes, scope);
  if (named === undefined) return '';
  const { children } = parseImageManifest(named.bytes, manifestBytes);
  if (named.digest === digest) {
    const [first] = children;
    if (first === undefined) return '';
    const signed = await hasSignature(first.digest, question, options);
    const about = signed ? `: its manifest for ${first.platform} has one, which does not count for the index` : '';
    return `; the digest is an image index${about}`;
  }
  const child = children.find((one) => one.digest === digest);
  if (child === undefined) return '';
  const signed = await hasSignature(named.digest, question, options);
  const about = signed ? ', which has one: use that digest' : '';
  return `; the digest is the manifest for ${child.platform} of the image index ${named.digest}${about}`;
}

/** Whether something is stored where its signatures would be, in the format that the repository uses; by whom is not looked at. */
async function hasSignature(
  digest: Digest,
  { signatures, scope }: PlatformQuestion,
  { registry, formats, limits }: PlatformOptions,
): Promise<boolean> {
  if (formats.expected(signatures) === 'bundle') {
    const { descriptors } = await registry.listReferrers(signatures, digest, scope);
    return selectReferrers(descriptors, [COSIGN_SIGNATURE]).length > 0;
  }
  return (await registry.getManifest(signatures, signatureTag(digest), limits().manifestBytes, scope)) !== undefined;
}
