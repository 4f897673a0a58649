// SPDX-License-Identifier: Apache-2.0
import { hostIdentity } from '../../../../core/image/host.ts';
import type { ImagePattern, ImageReference } from '../../../../core/image/types.ts';

/** Whether they match by the definition, without regard to time: what the store must find. */
export function matchesByDefinition(
  { segments, digest, unreadable }: ImagePattern,
  reference: Omit<ImageReference, 'original'>,
): boolean {
  if (digest !== undefined && digest !== reference.digest) return false;
  const host = hostIdentity(reference.registry);
  const path = reference.path.split('/');
  const texts = host === 'docker.io' && path.length === 1 ? [host, 'library', ...path] : [host, ...path];
  return definition(unreadable === 'path' ? [...segments, '**'] : segments, texts, true);
}

/** The definition in the policy's words, by recursion over segments. */
function definition(segments: readonly string[], texts: readonly string[], first: boolean): boolean {
  const [segment, ...rest] = segments;
  if (segment === undefined) return texts.length === 0;
  if (segment === '**') {
    const fewest = first ? 1 : 0;
    return (
      texts.length >= fewest &&
      texts.concat('').some((_, skip) => skip >= fewest && definition(rest, texts.slice(skip), false))
    );
  }
  const expression = new RegExp(`^${segment.replace(/[.[\]]/g, '\\$&').replaceAll('*', '.*')}$`);
  return texts.length > 0 && expression.test(texts[0] ?? '') && definition(rest, texts.slice(1), false);
}
