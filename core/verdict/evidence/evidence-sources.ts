// SPDX-License-Identifier: Apache-2.0
import { attestationTag, readAttestationTag } from '../../cosign/attestation-tag.ts';
import { createReferrerReader } from '../../cosign/referrer-reader.ts';
import type { ReferrerReader } from '../../cosign/referrer-reader.ts';
import type { PayloadTemplates } from '../../cosign/payload-prediction.ts';
import { readSimpleSigning, signatureTag } from '../../cosign/simple-signing.ts';
import type { EvidenceBatch, ResolvedImage } from '../../cosign/types.ts';
import type { Repository } from '../../image/types.ts';
import type { Limits } from '../../limits.ts';
import type { RegistryClient, RequestScope } from '../../registry/types.ts';
import type { EvidenceSource } from './evidence.ts';
import type { FormatMemory } from './format-memory.ts';

interface SourceDependencies {
  readonly registry: RegistryClient;
  readonly templates: PayloadTemplates;
  readonly formats: FormatMemory;
  readonly limits: Limits;
}

/** What the places of one image share. */
interface SourceInput extends Omit<SourceDependencies, 'formats'> {
  readonly image: ResolvedImage;
  readonly repository: Repository;
}

/** Where evidence about an image may be, the format that last worked in its repository first. */
export function evidenceSources(
  image: ResolvedImage,
  repository: Repository,
  { registry, templates, formats, limits }: SourceDependencies,
): readonly EvidenceSource[] {
  const input: SourceInput = { image, repository, registry, templates, limits };
  const [simple, referrers] = [new SignatureTagSource(input), new ReferrersSource(input)];
  const signatures: EvidenceSource[] =
    formats.expected(repository) === 'bundle' ? [referrers, simple] : [simple, referrers];
  // Of its exact length: a spread of several leaves room for more.
  return signatures.concat(new AttestationTagSource(input));
}

// Places wait in the cache with their evidence, for each of many thousand images: small objects that make what
// they need when they are read.

class ReferrersSource implements EvidenceSource {
  readonly kind = 'bundle';
  readonly place = 'the referrers';
  readonly #input: SourceInput;
  #reader: ReferrerReader | undefined;

  constructor(input: SourceInput) {
    this.#input = input;
  }

  next(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    this.#reader ??= createReferrerReader(this.#input);
    return this.#reader.next(scope);
  }
}

/** A place that is read in one go: its batch, then the end. A failure may be tried again. */
abstract class TagSource implements EvidenceSource {
  abstract readonly kind: EvidenceSource['kind'];
  abstract readonly place: string;
  readonly #input: SourceInput;
  #done = false;

  constructor(input: SourceInput) {
    this.#input = input;
  }

  protected get image(): ResolvedImage {
    return this.#input.image;
  }

  protected abstract read(input: SourceInput, scope: RequestScope): Promise<EvidenceBatch>;

  async next(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    if (this.#done) {
      return undefined;
    }
    const batch = await this.read(this.#input, scope);
    this.#done = true;
    return batch;
  }
}

class SignatureTagSource extends TagSource {
  readonly kind = 'simple-signing';

  get place(): string {
    return signatureTag(this.image.digest);
  }

  protected read(input: SourceInput, scope: RequestScope): Promise<EvidenceBatch> {
    return readSimpleSigning({ ...input, scope });
  }
}

class AttestationTagSource extends TagSource {
  readonly kind = 'attestation-tag';

  get place(): string {
    return attestationTag(this.image.digest);
  }

  protected read(input: SourceInput, scope: RequestScope): Promise<EvidenceBatch> {
    return readAttestationTag({ ...input, scope });
  }
}
