// SPDX-License-Identifier: Apache-2.0
import { createEvidenceAllowance } from '../../cosign/allowance.ts';
import type { EvidenceAllowance } from '../../cosign/allowance.ts';
import { attestationTag, createAttestationTagReader } from '../../cosign/attestation-tag.ts';
import type { EvidenceReader } from '../../cosign/piece-reader.ts';
import { createReferrerReader } from '../../cosign/referrer-reader.ts';
import type { ReferrerReader } from '../../cosign/referrer-reader.ts';
import type { PayloadTemplates } from '../../cosign/payload-prediction.ts';
import { createSignatureTagReader, signatureTag } from '../../cosign/simple-signing.ts';
import { COSIGN_SIGNATURE } from '../../cosign/statement.ts';
import type { ReadStored } from '../../cosign/stored-text.ts';
import type { EvidenceBatch, ResolvedImage } from '../../signatures/types.ts';
import type { Repository } from '../../image/types.ts';
import type { Limits } from '../../limits.ts';
import type { RegistryClient, RequestScope } from '../../registry/types.ts';
import type { EvidenceSource, Sought } from './evidence.ts';
import type { FormatMemory } from './format-memory.ts';
import { orNotShown } from './not-shown.ts';

/** One for all images. */
export interface SourceDependencies {
  readonly registry: RegistryClient;
  readonly templates: PayloadTemplates;
  readonly formats: FormatMemory;
  readonly limits: Limits;
  readonly readStored: ReadStored;
}

/** What the places of one image share. */
interface OfImage {
  readonly image: ResolvedImage;
  readonly repository: Repository;
  readonly allowance: EvidenceAllowance;
}

/** What a reader needs. */
type ReaderInput = SourceDependencies & OfImage;

/** What each of a hundred thousand images keeps. */
interface SourceInput extends OfImage {
  readonly dependencies: SourceDependencies;
}

/** Where evidence about an image may be, the format that last worked in its repository first. */
export function evidenceSources(
  image: ResolvedImage,
  repository: Repository,
  dependencies: SourceDependencies,
): readonly EvidenceSource[] {
  const { formats, limits } = dependencies;
  const input: SourceInput = { dependencies, image, repository, allowance: createEvidenceAllowance(limits) };
  const [simple, referrers] = [new SignatureTagSource(input), new ReferrersSource(input)];
  const signatures: EvidenceSource[] =
    formats.expected(repository) === 'bundle' ? [referrers, simple] : [simple, referrers];
  // Of its exact length: a spread of several leaves room for more.
  return signatures.concat(new AttestationTagSource(input));
}

// Places wait in the cache with their evidence, for each of many thousand images: small objects that make what
// they need when they are read.

abstract class PlaceSource<Reader extends EvidenceReader> implements EvidenceSource {
  abstract readonly kind: EvidenceSource['kind'];
  abstract readonly place: string;
  protected readonly input: SourceInput;
  #reader: Reader | undefined;
  #isOver = false;

  constructor(input: SourceInput) {
    this.input = input;
  }

  protected get image(): ResolvedImage {
    return this.input.image;
  }

  protected abstract open(input: ReaderInput): Reader;

  /** Before it was read, with an allowance of its own. */
  abstract anew(): EvidenceSource;

  protected get unread(): SourceInput {
    return { ...this.input, allowance: createEvidenceAllowance(this.input.dependencies.limits) };
  }

  protected get readerInput(): ReaderInput {
    const { dependencies, image, repository, allowance } = this.input;
    return { ...dependencies, image, repository, allowance };
  }

  protected get reader(): Reader {
    return (this.#reader ??= this.open(this.readerInput));
  }

  heldCharacters(): number {
    return this.#reader?.heldCharacters() ?? 0;
  }

  protected read(scope: RequestScope, _sought: Sought): Promise<EvidenceBatch | undefined> {
    return this.reader.next(scope);
  }

  /** Of what was read to its end is kept that it was, and no reader. */
  async next(scope: RequestScope, sought: Sought): Promise<EvidenceBatch | undefined> {
    if (this.#isOver) return undefined;
    const batch = await orNotShown(this.read(scope, sought), this.place, { ...this.readerInput, scope });
    if (this.#reader?.isOver === true) {
      this.#isOver = true;
      this.#reader = undefined;
    }
    return batch;
  }
}

class ReferrersSource extends PlaceSource<ReferrerReader> {
  get kind() {
    return 'bundle' as const;
  }

  get place(): string {
    return 'the referrers';
  }

  anew(): EvidenceSource {
    return new ReferrersSource(this.unread);
  }

  protected open(input: ReaderInput): ReferrerReader {
    return createReferrerReader(input);
  }

  /** The referrers API is asked before nothing is reported as found. */
  protected override async read(scope: RequestScope, sought: Sought): Promise<EvidenceBatch | undefined> {
    const { signatures, attestations } = sought;
    const wanted = [...(signatures ? [COSIGN_SIGNATURE] : []), ...attestations];
    const { reader } = this;
    return (await reader.next(scope, wanted)) ?? reader.nextOfApi(scope);
  }
}

class SignatureTagSource extends PlaceSource<EvidenceReader> {
  get kind() {
    return 'simple-signing' as const;
  }

  anew(): EvidenceSource {
    return new SignatureTagSource(this.unread);
  }

  get place(): string {
    return signatureTag(this.image.digest);
  }

  protected open(input: ReaderInput): EvidenceReader {
    return createSignatureTagReader(input);
  }

  /** Where no format is known, the referrers are asked for at the same time: what is not here may be there. */
  protected override read(scope: RequestScope, sought: Sought): Promise<EvidenceBatch | undefined> {
    const { dependencies, repository } = this.input;
    const { formats, registry } = dependencies;
    const reading = super.read(scope, sought);
    if (formats.triesBoth(repository))
      registry.askReferrersAhead?.(repository, this.image.digest, scope).catch(() => undefined);
    return reading;
  }
}

class AttestationTagSource extends PlaceSource<EvidenceReader> {
  get kind() {
    return 'attestation-tag' as const;
  }

  anew(): EvidenceSource {
    return new AttestationTagSource(this.unread);
  }

  get place(): string {
    return attestationTag(this.image.digest);
  }

  protected open(input: ReaderInput): EvidenceReader {
    return createAttestationTagReader(input);
  }
}
