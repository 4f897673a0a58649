// SPDX-License-Identifier: Apache-2.0
import { isDigest } from '../../../core/image/digest.ts';
import { perVerdict } from './per-verdict.ts';

/** One operation of a JSON Patch (RFC 6902). */
export interface ReplaceOperation {
  readonly op: 'replace';
  readonly path: string;
  readonly value: string;
}

const TAG = /^\w[\w.-]{0,127}$/;

/**
 * The image of a `Verified` verdict, pinned to the digest that was verified: fully qualified, the tag kept
 * for people to read. An image that names this digest already is returned as written.
 * Undefined: the verdict is about another digest than the image, or of none; it must not be used.
 */
export const pinnedReference = perVerdict((image: string, verdict): string | undefined => {
  const { repository, digest } = splitResolved(verdict.resolved);
  if (repository === '' || !isDigest(digest)) return undefined;
  if (image.includes('@')) return image.endsWith(`@${digest}`) ? image : undefined;
  const tag = verdict.image.startsWith(`${repository}:`) ? verdict.image.slice(repository.length + 1) : '';
  return TAG.test(tag) ? `${repository}:${tag}@${digest}` : `${repository}@${digest}`;
});

function splitResolved(resolved = ''): { readonly repository: string; readonly digest: string } {
  const at = resolved.lastIndexOf('@');
  return { repository: resolved.slice(0, Math.max(at, 0)), digest: resolved.slice(at + 1) };
}
