// SPDX-License-Identifier: Apache-2.0
import type { Descriptor } from '../registry/types.ts';
import { BUNDLE_TYPE_PREFIX } from '../formats/sigstore-bundle.ts';

/** cosign's short-lived way to store simple signatures as referrers (COSIGN_EXPERIMENTAL, oci-1-1). */
export const SIMPLE_SIGNING_ARTIFACT = 'application/vnd.dev.cosign.artifact.sig.v1+json';

/** What cosign before 3.1 says of a bundle in a fallback tag: nothing, so each of these has to be read. */
const EMPTY_ARTIFACT = 'application/vnd.oci.empty.v1+json';
const CONTENT = 'dev.sigstore.bundle.content';
/** Annotation of a bundle's manifest. */
export const PREDICATE_TYPE = 'dev.sigstore.bundle.predicateType';
const CREATED = 'org.opencontainers.image.created';

/**
 * Referrers that may be signatures, likeliest first: by the wanted predicate types in their order, then those
 * that do not say, then others; the newest first. All of it is unauthenticated text, so it only saves requests:
 * nothing is left out for what it says it is about.
 */
export function selectReferrers(descriptors: readonly Descriptor[], wanted: readonly string[]): readonly Descriptor[] {
  const rank = ({ annotations }: Descriptor) => {
    const predicateType = annotations?.[PREDICATE_TYPE];
    if (predicateType === undefined) return wanted.length;
    const at = wanted.indexOf(predicateType);
    return at === -1 ? wanted.length + 1 : at;
  };
  const distinct = new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor]));
  return [...distinct.values()]
    .filter(mayBeSignature)
    .toSorted((a, b) => rank(a) - rank(b) || createdAt(b) - createdAt(a));
}

function mayBeSignature({ artifactType = '', annotations }: Descriptor): boolean {
  return (
    artifactType === '' ||
    artifactType === EMPTY_ARTIFACT ||
    artifactType === SIMPLE_SIGNING_ARTIFACT ||
    artifactType.startsWith(BUNDLE_TYPE_PREFIX) ||
    annotations?.[CONTENT] !== undefined
  );
}

/** Milliseconds since the epoch; 0 where it does not say. */
function createdAt({ annotations }: Descriptor): number {
  const time = Date.parse(annotations?.[CREATED] ?? '');
  return Number.isNaN(time) ? 0 : time;
}
