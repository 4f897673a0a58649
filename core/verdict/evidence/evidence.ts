// SPDX-License-Identifier: Apache-2.0
import { errorText } from '../../text.ts';
import type {
  AttestationCandidate,
  EvidenceBatch,
  EvidenceFault,
  SignatureCandidate,
  SignatureFormat,
} from '../../signatures/types.ts';
import { EngineError } from '../../errors.ts';
import { factsOf } from '../../verdict-codes.ts';
import type { FailureCode } from '../../verdict-codes.ts';
import type { Clock } from '../../observe.ts';
import type { Keychain, RequestScope } from '../../registry/types.ts';
import { NotShown } from './not-shown.ts';
import { withinDeadline } from '../../deadline.ts';

/** What a policy asks for. */
export interface Sought {
  /** Signatures of the image itself. */
  readonly signatures: boolean;
  /** Predicate types of attestations. */
  readonly attestations: readonly string[];
}

const SIGNATURES: Sought = { signatures: true, attestations: [] };

/** One place where signatures may be, read a batch at a time. */
export interface EvidenceSource {
  readonly kind: SignatureFormat | 'attestation-tag';
  /** The place, for messages: `sha256-….sig`. */
  readonly place: string;
  /** The next batch, or undefined at the end; `sought` orders it. A failed call may be made again. */
  next(scope: RequestScope, sought: Sought): Promise<EvidenceBatch | undefined>;
  /** Of what it has listed and not yet read. */
  heldCharacters?(): number;
  /** The same place as nobody has read it, for another reader than the one it hid from; left out: this one serves. */
  anew?(): EvidenceSource;
}

/** A place that could not be read; the decision that needed it is an error, not a denial. */
export interface ReadFailure {
  readonly code: FailureCode;
  readonly message: string;
  readonly place: string;
  /** What a person can do about it, where the failure knows. */
  readonly remedy?: string;
  /** Other places may be shown: this says nothing of them. */
  readonly concernsPlaceOnly?: true;
}

const INTERNAL = { code: 'InternalError', remedy: undefined } as const;

/** A set of kinds in one number: there is one in each of a hundred thousand images. */
const KIND_BITS: Readonly<Record<EvidenceSource['kind'], number>> = {
  'simple-signing': 1,
  bundle: 2,
  'attestation-tag': 4,
};

/** One for all: of a hundred thousand images most have no attestation, and no fault. */
const NONE: readonly never[] = [];

/**
 * What was found about one digest in one signature repository: independent of policies, so that a
 * changed policy is checked again without the network. It grows as decisions need more of it, one
 * read at a time however many decisions wait (single flight).
 */
export class ImageEvidence {
  signatures: readonly SignatureCandidate[] = NONE;
  attestations: readonly AttestationCandidate[] = NONE;
  faults: readonly EvidenceFault[] = NONE;
  readonly createdAt: number;
  /** When a place was last read to its end: what is not here was not there then. */
  completedAt: number;
  /** Places read to their end, for messages. */
  places: readonly string[] = NONE;
  /** Bytes held, roughly; what the cache counts. */
  bytes = EMPTY_BYTES;

  #pending: readonly EvidenceSource[];
  /** Sources that have given something; without it their end says only that its reader may see nothing. */
  #giving = 0;
  /** By source and keychain: where it found nothing. Most images are read for one. */
  #absent: Set<string> | undefined;
  readonly #clock: Clock;
  readonly #onPartlyRead: () => void;
  /** Most images never fail: made with the first. */
  #failures: Map<string, { failure: ReadFailure; at: number }> | undefined;
  #reading: Promise<void> | undefined;
  /** Something was read since the last look at what places hold; and what `bytes` has of that. */
  #isRead = false;
  #heldByPlaces = 0;

  /** @param sources in the order to ask them. */
  constructor(sources: readonly EvidenceSource[], clock: Clock, onPartlyRead: () => void = () => undefined) {
    this.#pending = sources;
    this.#clock = clock;
    this.#onPartlyRead = onPartlyRead;
    this.createdAt = clock();
    this.completedAt = this.createdAt;
  }

  /** Neither signatures nor attestations, so far. */
  get isEmpty(): boolean {
    return this.signatures.length === 0 && this.attestations.length === 0;
  }

  /** The next source that may hold what is sought, has not shown this keychain that it doesn't, and is not among `skip`. */
  nextSource(
    sought: Sought,
    skip: ReadonlySet<EvidenceSource>,
    { keychain }: Pick<RequestScope, 'keychain'>,
  ): EvidenceSource | undefined {
    return this.#pending.find(
      (source) => mayHold(source, sought) && !skip.has(source) && this.#absent?.has(askedBy(source, keychain)) !== true,
    );
  }

  /**
   * Reads one more batch of a place, what is sought first, or waits while another decision reads. Undefined: look again,
   * there may be more. A place that failed stays pending, for a later decision to try.
   */
  async advance(source: EvidenceSource, scope: RequestScope, sought = SIGNATURES): Promise<ReadFailure | undefined> {
    if (this.#reading !== undefined) {
      await withinDeadline(this.#reading, scope.signal);
      return undefined;
    }
    const memory = askedBy(source, scope.keychain);
    const known = this.#failures?.get(memory);
    if (known !== undefined && known.at > this.#clock() - factsOf(known.failure.code).rememberedMilliseconds) {
      return known.failure;
    }
    this.#isRead = true;
    const read = this.#read(source, scope, sought);
    this.#reading = read.then(() => {});
    const failure = await read;
    this.#reading = undefined;
    if (failure !== undefined && factsOf(failure.code).rememberedMilliseconds > 0) {
      this.#failures ??= new Map();
      this.#failures.set(memory, { failure, at: this.#clock() });
    }
    return failure;
  }

  /** Counts anew what places hold, such as a long list of which little was needed. */
  measure(): void {
    if (!this.#isRead) return;
    this.#isRead = false;
    const held = this.#pending.reduce((sum, source) => sum + (source.heldCharacters?.() ?? 0), 0);
    this.bytes += HELD_FOR_CHARACTER * held - this.#heldByPlaces;
    this.#heldByPlaces = HELD_FOR_CHARACTER * held;
  }

  /** Puts a compacted candidate in the place of each that has one, and counts its bytes again. */
  compact(compacted: (candidate: SignatureCandidate) => SignatureCandidate): void {
    this.signatures = this.signatures.map((candidate) => {
      const smaller = compacted(candidate);
      this.bytes += byteSize(smaller) - byteSize(candidate);
      return smaller;
    });
  }

  /** A source that gave nothing is over for those who asked with the same credentials: others may be shown more. */
  #end(source: EvidenceSource, keychain: Keychain): void {
    if ((this.#giving & KIND_BITS[source.kind]) !== 0) {
      this.#pending = this.#pending.filter((other) => other.kind !== source.kind);
    } else {
      this.#absent ??= new Set();
      this.#absent.add(askedBy(source, keychain));
      const anew = source.anew?.() ?? source;
      this.#pending = this.#pending.map((other) => (other === source ? anew : other));
    }
    this.places = joined(this.places, this.places.includes(source.place) ? NONE : [source.place]);
    this.completedAt = this.#clock();
  }

  /** Never rejects, and always settles by the reader's deadline: others wait for it. */
  async #read(source: EvidenceSource, scope: RequestScope, sought: Sought): Promise<ReadFailure | undefined> {
    try {
      this.#take(source, await withinDeadline(source.next(scope, sought), scope.signal), scope.keychain);
      return undefined;
    } catch (error) {
      const { code, remedy } = error instanceof EngineError ? error : INTERNAL;
      if (code === 'ResponseTooLarge') this.#onPartlyRead();
      const told = { code, message: errorText(error), place: source.place, ...(remedy !== undefined && { remedy }) };
      return error instanceof NotShown ? { ...told, concernsPlaceOnly: true } : told;
    }
  }

  #take(source: EvidenceSource, batch: EvidenceBatch | undefined, keychain: Keychain): void {
    if (batch === undefined) {
      this.#end(source, keychain);
      return;
    }
    if (batch.signatures.length + batch.attestations.length + batch.faults.length > 0)
      this.#giving |= KIND_BITS[source.kind];
    this.signatures = joined(this.signatures, batch.signatures);
    this.attestations = joined(this.attestations, batch.attestations);
    this.faults = joined(this.faults, batch.faults);
    this.bytes += [...batch.signatures, ...batch.attestations].reduce((sum, candidate) => sum + byteSize(candidate), 0);
  }
}

/** Bundles are of both kinds. */
function mayHold({ kind }: EvidenceSource, { signatures, attestations }: Sought): boolean {
  if (kind === 'simple-signing') return signatures;
  return kind === 'bundle' || attestations.length > 0;
}

/** Which credentials asked which source: registries hide what exists from those who may not see it. */
function askedBy({ kind }: EvidenceSource, { id = '' }: Keychain): string {
  return `${id} ${kind}`;
}

/** Of their exact length: what `push` grows by is room for 16 more, held a hundred thousand times. */
function joined<T>(before: readonly T[], more: readonly T[]): readonly T[] {
  return more.length === 0 ? before : before.concat(more);
}

/** Measured with test/bench/scale/scale.ts: objects, digests and names of an image whose `.sig` was read. */
const EMPTY_BYTES = 700;

/** A list of descriptors takes as strings and objects what it did as text, and again. */
const HELD_FOR_CHARACTER = 2;

/** Its bytes and objects; a parsed bundle holds them again, as text and as the objects around it. */
function byteSize({ signedBytes, signature, material }: SignatureCandidate): number {
  const bytes = 300 + signedBytes.length + signature.length;
  const isParsed = material.kind === 'bundle' || material.certificate !== undefined || material.envelope !== undefined;
  return isParsed ? 6 * bytes : bytes;
}
