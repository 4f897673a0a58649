// SPDX-License-Identifier: Apache-2.0
import { raiseLimit } from '../limits.ts';
import type { Limits } from '../limits.ts';
import type { Digest } from '../image/digest.ts';
import type { Descriptor, RequestScope } from '../registry/types.ts';
import { isTransient, NO_EVIDENCE } from '../signatures/evidence.ts';
import { charactersOf, PieceReader } from './piece-reader.ts';
import type { EvidenceReader, Opened, PieceRead } from './piece-reader.ts';
import { openReferrer, readReferrer } from './referrer.ts';
import type { OpenReferrer } from './referrer.ts';
import { PREDICATE_TYPE, selectReferrers } from './referrer-selection.ts';
import type { SimpleSigningInput } from './simple-signing.ts';
import { COSIGN_SIGNATURE } from './statement.ts';
import type { EvidenceBatch, EvidenceFault } from '../signatures/types.ts';

/** As for simple signing; the scope comes with each call, for one reader may serve several decisions. */
export type ReferrerInput = Omit<SimpleSigningInput, 'scope'>;

/** Predicate types to look at first, in their order. */
export type WantedTypes = readonly string[];

const SIGNATURES: WantedTypes = [COSIGN_SIGNATURE];

export interface ReferrerReader extends EvidenceReader {
  /** @param wanted cosign's signatures if not given; it orders what is read, and leaves nothing out */
  next(scope: RequestScope, wanted?: WantedTypes): Promise<EvidenceBatch | undefined>;
  /**
   * After the end: asks the referrers API where it was only thought to be missing, and reads what it has beside what
   * was read before. Whoever is about to deny has to have asked.
   */
  nextOfApi(scope: RequestScope): Promise<EvidenceBatch | undefined>;
  /** Referrers read so far that are no signatures (SBOMs and the like); not faults. */
  readonly ignored: number;
}

type Piece = Descriptor | OpenReferrer;

function isOpen(piece: Piece): piece is OpenReferrer {
  return 'source' in piece;
}

const LIST = 'referrers';
/** The likeliest alone, then as many as are asked for at once. */
const BATCHES = [1, 4] as const;

/** Signatures and attestations that are stored as OCI referrers of the image. */
export function createReferrerReader(input: ReferrerInput): ReferrerReader {
  return new Referrers(input);
}

class Referrers implements ReferrerReader {
  ignored = 0;
  readonly #input: ReferrerInput;
  readonly #pieces: PieceReader<Piece>;
  /** Listed before: a list that is asked for again repeats them. */
  readonly #seen = new Set<Digest>();
  /** Manifests whose content did not come; they need not be read again. */
  readonly #opened = new Map<Digest, OpenReferrer>();
  #openedCharacters = 0;
  #wanted = SIGNATURES;
  #apiAssumedAbsent = false;
  #asksAnew = false;
  #hasComplained = false;

  constructor(input: ReferrerInput) {
    this.#input = input;
    this.#pieces = new PieceReader<Piece>({
      open: (scope) => this.#list(scope),
      read: (piece, scope) => (isOpen(piece) ? this.#fetch(piece, scope) : this.#open(piece, scope)),
      nameOf: (piece) => (isOpen(piece) ? piece.source : piece.digest),
      batches: BATCHES,
    });
  }

  next(scope: RequestScope, wanted = SIGNATURES): Promise<EvidenceBatch | undefined> {
    this.#wanted = wanted;
    return this.#pieces.next(scope);
  }

  heldCharacters(): number {
    return this.#pieces.heldCharacters() + this.#openedCharacters;
  }

  get isOver(): boolean {
    return this.#pieces.isOver && !this.#apiAssumedAbsent;
  }

  async nextOfApi(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    if (this.#apiAssumedAbsent) {
      this.#apiAssumedAbsent = false;
      this.#asksAnew = true;
      this.#pieces.reopen();
    }
    return this.#asksAnew ? this.#pieces.next(scope) : undefined;
  }

  async #list(scope: RequestScope): Promise<Opened<Piece>> {
    const { image, repository, registry, limits } = this.#input;
    const list = await registry.listReferrers(repository, image.digest, scope, this.#asksAnew);
    const { descriptors, truncated, faults = [], failure } = list;
    this.#apiAssumedAbsent = list.apiAssumedAbsent ?? false;
    const selected = selectReferrers(descriptors, this.#wanted).filter(({ digest }) => !this.#seen.has(digest));
    const pieces = selected.slice(0, Math.max(0, limits.referrers - this.#seen.size));
    pieces.forEach(({ digest }) => this.#seen.add(digest));
    const cut = truncated || pieces.length < selected.length;
    const complaints = [
      ...faults.map((message) => ({ source: LIST, message })),
      ...(cut ? [this.#tooMany(limits)] : []),
    ];
    // A list that is asked for again has the same faults.
    const isFirst = !this.#hasComplained;
    this.#hasComplained = complaints.length > 0;
    return { pieces, faults: isFirst ? complaints : [], ...(failure && { failure }) };
  }

  #tooMany({ referrers }: Limits): EvidenceFault {
    const message = `the image has too many referrers: no more than ${Math.min(referrers, this.#seen.size)} are read`;
    return { source: LIST, message, code: 'ResponseTooLarge', remedy: raiseLimit('referrers') };
  }

  /**
   * A manifest is small. What it says to be about something else than is wanted waits until all others were read, so
   * that a year of attestations without labels costs a signature beside them no more than their manifests.
   */
  async #open(descriptor: Descriptor, scope: RequestScope): Promise<PieceRead<Piece>> {
    const known = this.#opened.get(descriptor.digest);
    const opened = known ?? (await openReferrer({ ...this.#input, scope }, descriptor));
    if (opened === undefined) {
      this.ignored += 1;
      return { batch: NO_EVIDENCE };
    }
    const { predicateType } = opened;
    const wasKnown = descriptor.annotations?.[PREDICATE_TYPE] !== undefined;
    const mayWait = !wasKnown && predicateType !== undefined && !this.#wanted.includes(predicateType);
    return mayWait ? { batch: NO_EVIDENCE, later: opened } : this.#fetch(opened, scope);
  }

  async #fetch(opened: OpenReferrer, scope: RequestScope): Promise<PieceRead<Piece>> {
    try {
      const batch = await readReferrer({ ...this.#input, scope }, opened);
      if (this.#opened.delete(opened.source)) this.#openedCharacters -= charactersOf([opened]);
      return { batch };
    } catch (error) {
      if (isTransient(error) && !this.#opened.has(opened.source)) {
        this.#opened.set(opened.source, opened);
        this.#openedCharacters += charactersOf([opened]);
      }
      throw error;
    }
  }
}
