// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { factsOf } from '../verdict-codes.ts';
import { mapInParallel } from '../parallel.ts';
import type { RequestScope } from '../registry/types.ts';
import { faultFrom, faultyEvidence, isTransient, mergeEvidence, NO_EVIDENCE } from '../signatures/evidence.ts';
import type { EvidenceBatch, EvidenceFault } from '../signatures/types.ts';

/** Reads one place where evidence may be, some of it at a time. */
export interface EvidenceReader {
  /**
   * Reads on. Undefined: the end. What is wrong with a piece is a fault in its batch, and the others still come.
   * One that the registry failed to give is tried again after the others.
   *
   * @throws EngineError where the place could not be opened, or where all that remains of it could not be read just
   * now; a later call tries again and nothing is lost.
   */
  next(scope: RequestScope): Promise<EvidenceBatch | undefined>;
  /** Characters of what is listed and not yet read, which stays in memory until it is. */
  heldCharacters(): number;
  /** Whether all was read, so that each later call would give undefined: the reader may be forgotten. */
  readonly isOver: boolean;
}

/** A place and what it is made of. */
export interface PieceSource<Piece> {
  /** What there is to read, in the order to read it. */
  open(scope: RequestScope): Promise<Opened<Piece>>;
  /** @throws EngineError; what another attempt may not meet is tried again */
  read(piece: Piece, scope: RequestScope): Promise<PieceRead<Piece>>;
  /** For messages. */
  nameOf(piece: Piece): string;
  /** Pieces of the first batch and of each later one. */
  readonly batches: readonly [first: number, later: number];
}

export interface Opened<Piece> {
  readonly pieces: readonly Piece[];
  readonly faults: readonly EvidenceFault[];
  /** There may be more that could not be listed: told after these pieces, and then the place is opened again. */
  readonly failure?: EngineError;
}

export interface PieceRead<Piece> {
  readonly batch: EvidenceBatch;
  /** To be read after all others. */
  readonly later?: Piece;
}

const PARALLEL = 4;

export class PieceReader<Piece> implements EvidenceReader {
  readonly #source: PieceSource<Piece>;
  /** Undefined until the place is opened. */
  #queue: Piece[] | undefined;
  #later: Piece[] = [];
  /** What the registry failed to give, and how the last of it failed. */
  readonly #missed: Piece[] = [];
  #failure: EngineError | undefined;
  #unlisted: EngineError | undefined;
  #faults: EvidenceFault[] = [];
  #retrying = false;
  #batchSize: number;
  /** Kept along: to count anew with each read would be endless work for a long list. */
  #held = 0;
  #isOver = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: PieceSource<Piece>) {
    this.#source = source;
    this.#batchSize = source.batches[0];
  }

  /** One after the other: a call that its decision gave up on may still hold a part of the queue. */
  next(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    const turn = this.#last.then(() => this.#takeTurn(scope));
    this.#last = turn.then(forget, forget);
    return turn;
  }

  heldCharacters(): number {
    return this.#held;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Opens the place once more at the next call. */
  reopen(): void {
    this.#queue = undefined;
    this.#isOver = false;
  }

  /** Only at the end of a turn nothing is on its way that may come back to the queue. */
  async #takeTurn(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    const batch = await this.#readOn(scope);
    const lists = [this.#queue, this.#later, this.#missed, this.#faults];
    this.#isOver = this.#unlisted === undefined && lists.every((list) => list?.length === 0);
    return batch;
  }

  async #readOn(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    const isOpen = this.#queue !== undefined;
    const queue = (this.#queue ??= await this.#open(scope));
    const isUncounted = !isOpen && queue.length > 0;
    if (queue.length === 0) queue.push(...this.#later.splice(0));
    const chunk = queue.splice(0, this.#batchSize);
    // Of what was just opened most is read at once, and only the rest held.
    this.#held += isUncounted ? charactersOf(queue) : -charactersOf(chunk);
    if (chunk.length === 0 && this.#faults.length === 0) return this.#end(queue, scope);
    const batches = await this.#readAll(chunk, queue, scope);
    this.#batchSize = this.#source.batches[1];
    return mergeEvidence([faultyEvidence(...this.#faults.splice(0)), ...batches]);
  }

  async #readAll(chunk: readonly Piece[], queue: Piece[], scope: RequestScope): Promise<readonly EvidenceBatch[]> {
    const [missedBefore, laterBefore] = [this.#missed.length, this.#later.length];
    const batches = await mapInParallel(chunk, PARALLEL, (piece) => this.#read(piece, scope));
    if (scope.signal.aborted) {
      // Nobody waits for this any more: leave it to the next decision.
      queue.unshift(...chunk);
      const doubled = [...this.#missed.splice(missedBefore), ...this.#later.splice(laterBefore)];
      this.#held += charactersOf(chunk) - charactersOf(doubled);
      throw new EngineError('DeadlineExceeded', 'the deadline passed while evidence was read');
    }
    const failure = this.#failure;
    const allFailed = chunk.length > 0 && this.#missed.length - missedBefore === chunk.length;
    if (allFailed && failure !== undefined && (this.#retrying || factsOf(failure.code).endsReading)) throw failure;
    return batches;
  }

  /** Once more for what the registry failed to give, until it gives nothing new. */
  async #end(queue: Piece[], scope: RequestScope): Promise<EvidenceBatch | undefined> {
    if (this.#missed.length > 0) {
      queue.push(...this.#missed.splice(0));
      this.#retrying = true;
      return this.#readOn(scope);
    }
    if (this.#unlisted === undefined) return undefined;
    this.reopen();
    throw this.#unlisted;
  }

  async #open(scope: RequestScope): Promise<Piece[]> {
    const { pieces, faults, failure } = await this.#source.open(scope);
    this.#faults.push(...faults);
    this.#unlisted = failure;
    return [...pieces];
  }

  #keep(list: Piece[], piece: Piece): void {
    list.push(piece);
    this.#held += charactersOf([piece]);
  }

  async #read(piece: Piece, scope: RequestScope): Promise<EvidenceBatch> {
    try {
      const { batch, later } = await this.#source.read(piece, scope);
      if (later !== undefined) this.#keep(this.#later, later);
      return batch;
    } catch (error) {
      if (!isTransient(error)) return faultyEvidence(faultFrom(this.#source.nameOf(piece), error));
      this.#failure = error;
      this.#keep(this.#missed, piece);
      return NO_EVIDENCE;
    }
  }
}

/** A promise holds what it was kept with: all that was read, beside each of many thousand images. */
function forget(): void {}

/** Of pieces as they came, which were JSON. */
export function charactersOf(pieces: readonly unknown[]): number {
  return pieces.reduce<number>((sum, piece) => sum + JSON.stringify(piece).length, 0);
}
