// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { factsOf } from '../verdict-codes.ts';
import type { Descriptor, RequestScope } from '../registry/types.ts';
import { faultFrom, faultyEvidence, isTransient, mergeEvidence, NO_EVIDENCE } from './evidence.ts';
import { readReferrer } from './referrer.ts';
import { selectReferrers } from './referrer-selection.ts';
import type { SimpleSigningInput } from './simple-signing.ts';
import { COSIGN_SIGNATURE } from './statement.ts';
import type { EvidenceBatch, EvidenceFault } from './types.ts';

/** As for simple signing; the scope comes with each call, for one reader may serve several decisions. */
export interface ReferrerInput extends Omit<SimpleSigningInput, 'scope'> {
  /** The predicate type to look at first; cosign's signatures if not given. */
  readonly wanted?: string;
}

export interface ReferrerReader {
  /**
   * Reads on: first the list and the likeliest referrer alone, then up to four at a time. Undefined: the end.
   * What is wrong with a referrer is a fault in its batch, and the others still come. One that the registry
   * failed to give is tried again after the others.
   *
   * @throws EngineError where the list could not be had, or where all that remains could not be read just
   * now; a later call tries again and nothing is lost.
   */
  next(scope: RequestScope): Promise<EvidenceBatch | undefined>;
  /** Referrers read so far that are no signatures (SBOMs and the like); not faults. */
  readonly ignored: number;
}

const LIST = 'referrers';
const PARALLEL_REFERRERS = 4;
/** Signatures and attestations that are stored as OCI referrers of the image. */
export function createReferrerReader(input: ReferrerInput): ReferrerReader {
  return new QueuedReader(input);
}

class QueuedReader implements ReferrerReader {
  ignored = 0;
  readonly #input: ReferrerInput;
  /** Undefined until the referrers are listed. */
  #queue: Descriptor[] | undefined;
  /** What the registry failed to give, and how the last of it failed. */
  readonly #missed: Descriptor[] = [];
  #failure: EngineError | undefined;
  #faults: EvidenceFault[] = [];
  #retrying = false;
  #batchSize = 1;
  #last: Promise<unknown> = Promise.resolve();

  constructor(input: ReferrerInput) {
    this.#input = input;
  }

  /** One after the other: a call that its decision gave up on may still hold a part of the queue. */
  next(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    const turn = this.#last.then(() => this.#readOn(scope));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #readOn(scope: RequestScope): Promise<EvidenceBatch | undefined> {
    const queue = (this.#queue ??= await this.#list(scope));
    const chunk = queue.splice(0, this.#batchSize);
    if (chunk.length === 0 && this.#faults.length === 0) return this.#end(queue, scope);
    const missedBefore = this.#missed.length;
    const batches = await Promise.all(chunk.map((descriptor) => this.#read(descriptor, scope)));
    if (scope.signal.aborted) {
      // Nobody waits for this any more: leave it to the next decision.
      queue.unshift(...chunk);
      this.#missed.splice(missedBefore);
      throw new EngineError('DeadlineExceeded', 'the deadline passed while referrers were read');
    }
    const allFailed = chunk.length > 0 && this.#missed.length - missedBefore === chunk.length;
    if (allFailed && this.#failure !== undefined && (this.#retrying || factsOf(this.#failure.code).endsReading))
      throw this.#failure;
    this.#batchSize = PARALLEL_REFERRERS;
    return mergeEvidence([...batches, faultyEvidence(...this.#faults.splice(0))]);
  }

  /** Once more for what the registry failed to give, until it gives nothing new. */
  async #end(queue: Descriptor[], scope: RequestScope): Promise<EvidenceBatch | undefined> {
    if (this.#missed.length === 0) return undefined;
    queue.push(...this.#missed.splice(0));
    this.#retrying = true;
    return this.#readOn(scope);
  }

  async #list(scope: RequestScope): Promise<Descriptor[]> {
    const { image, repository, registry, limits, wanted = COSIGN_SIGNATURE } = this.#input;
    const { descriptors, truncated, faults = [] } = await registry.listReferrers(repository, image.digest, scope);
    this.#faults.push(...faults.map((message) => ({ source: LIST, message })));
    const selected = selectReferrers(descriptors, wanted);
    if (truncated || selected.length > limits.referrers) {
      const read = Math.min(selected.length, limits.referrers);
      const message = `the image has too many referrers: only ${read} of them were read`;
      this.#faults.push({ source: LIST, message, code: 'ResponseTooLarge' });
    }
    return selected.slice(0, limits.referrers);
  }

  async #read(descriptor: Descriptor, scope: RequestScope): Promise<EvidenceBatch> {
    try {
      const batch = await readReferrer({ ...this.#input, scope }, descriptor);
      if (batch === undefined) this.ignored += 1;
      return batch ?? NO_EVIDENCE;
    } catch (error) {
      if (!isTransient(error)) return faultyEvidence(faultFrom(descriptor.digest, error));
      this.#failure = error;
      this.#missed.push(descriptor);
      return NO_EVIDENCE;
    }
  }
}
