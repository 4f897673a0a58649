// SPDX-License-Identifier: Apache-2.0
import { attestationTag, readAttestationTag } from '../cosign/attestation-tag.ts';
import { createReferrerReader } from '../cosign/discover.ts';
import type { PayloadTemplates } from '../cosign/payload-prediction.ts';
import { readSimpleSigning, signatureTag } from '../cosign/simple-signing.ts';
import type { EvidenceBatch, ResolvedImage, SignatureFormat } from '../cosign/types.ts';
import type { Repository } from '../image/types.ts';
import type { Limits } from '../limits.ts';
import type { RegistryClient, RequestScope } from '../registry/types.ts';
import type { EvidenceStage } from './evidence.ts';
import type { FormatMemory } from './format-memory.ts';

interface PlaceDependencies {
  readonly registry: RegistryClient;
  readonly templates: PayloadTemplates;
  readonly formats: FormatMemory;
  readonly limits: Limits;
}

/** Where evidence about an image may be, the format that last worked in its repository first. */
export function placesToRead(
  image: ResolvedImage,
  repository: Repository,
  { registry, templates, formats, limits }: PlaceDependencies,
): readonly EvidenceStage[] {
  const input = { image, repository, registry, templates, limits };
  const referrers = createReferrerReader(input);
  const signed: Readonly<Record<SignatureFormat, EvidenceStage>> = {
    'simple-signing': {
      kind: 'simple-signing',
      place: signatureTag(image.digest),
      next: readOnce((scope) => readSimpleSigning({ ...input, scope })),
    },
    bundle: { kind: 'bundle', place: 'the referrers', next: (scope) => referrers.next(scope) },
  };
  const first = formats.expected(repository);
  return [
    signed[first],
    signed[first === 'bundle' ? 'simple-signing' : 'bundle'],
    {
      kind: 'attestation-tag',
      place: attestationTag(image.digest),
      next: readOnce((scope) => readAttestationTag({ ...input, scope })),
    },
  ];
}

/** A place that is read in one go: its batch, then the end. A failure may be tried again. */
function readOnce(read: (scope: RequestScope) => Promise<EvidenceBatch>): EvidenceStage['next'] {
  let done = false;
  return async (scope) => {
    if (done) {
      return undefined;
    }
    const batch = await read(scope);
    done = true;
    return batch;
  };
}
