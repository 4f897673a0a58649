// SPDX-License-Identifier: Apache-2.0
import { createEvidenceAllowance } from '../../cosign/allowance.ts';
import type { EvidenceAllowance } from '../../cosign/allowance.ts';
import { attestationTag, readAttestationTag } from '../../cosign/attestation-tag.ts';
import { createReferrerReader } from '../../cosign/referrer-reader.ts';
import type { ReferrerReader } from '../../cosign/referrer-reader.ts';
import type { PayloadTemplates } from '../../cosign/payload-prediction.ts';
import { readSimpleSigning, signatureTag } from '../../cosign/simple-signing.ts';
import type { EvidenceBatch, EvidenceFault, ResolvedImage } from '../../cosign/types.ts';
import { EngineError } from '../../errors.ts';
import { factsOf } from '../../verdict-codes.ts';
import type { FailureCode } from '../../verdict-codes.ts';
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
  readonly allowance: EvidenceAllowance;
}

/** Where evidence about an image may be, the format that last worked in its repository first. */
export function evidenceSources(
  image: ResolvedImage,
  repository: Repository,
  { registry, templates, formats, limits }: SourceDependencies,
): readonly EvidenceSource[] {
  const allowance = createEvidenceAllowance(limits);
  const input: SourceInput = { image, repository, registry, templates, limits, allowance };
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

/**
 * A source that is read in one go: its batch, then the end. What the registry failed to give is asked for again, by this
 * decision once and then by later ones: until then the source is not read to its end.
 */
abstract class TagSource implements EvidenceSource {
  abstract readonly kind: EvidenceSource['kind'];
  abstract readonly place: string;
  readonly #input: SourceInput;
  #done = false;
  /** Of an earlier attempt that got only a part. */
  #given: Set<string> | undefined;

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
    // Each attempt has the whole allowance: what is read again is let go of.
    const allowance = createEvidenceAllowance(this.#input.limits);
    const input = this.#given === undefined ? this.#input : { ...this.#input, allowance };
    const batch = await this.read(input, scope);
    // What was cut off by this decision's end says nothing about the source.
    if (scope.signal.aborted) throw new EngineError('DeadlineExceeded', `${this.place} was not read in time`);
    const fresh = this.#withoutGiven(batch);
    const failure = batch.faults.find(isTransientFault);
    if (failure === undefined) {
      this.#done = true;
      return fresh;
    }
    const found = [...fresh.signatures, ...fresh.attestations];
    if (found.length === 0) throw new EngineError(failure.code, failure.message, withRemedy(failure));
    this.#given = new Set([...(this.#given ?? []), ...found.map(({ source }) => source)]);
    return { ...fresh, faults: fresh.faults.filter((fault) => !isTransientFault(fault)) };
  }

  #withoutGiven(batch: EvidenceBatch): EvidenceBatch {
    const given = this.#given;
    if (given === undefined) return batch;
    return {
      ...batch,
      signatures: batch.signatures.filter(({ source }) => !given.has(source)),
      attestations: batch.attestations.filter(({ source }) => !given.has(source)),
    };
  }
}

function isTransientFault(fault: EvidenceFault): fault is EvidenceFault & { readonly code: FailureCode } {
  return fault.code !== undefined && factsOf(fault.code).isTransient;
}

function withRemedy({ remedy }: EvidenceFault): { readonly remedy?: string } {
  return remedy === undefined ? {} : { remedy };
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
