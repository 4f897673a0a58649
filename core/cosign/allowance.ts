// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import type { Limits } from '../limits.ts';

/**
 * What reading the evidence of one image may take in all, wherever it is stored: caps on single answers multiply, and
 * whoever may push to a repository chooses how many there are.
 */
export interface EvidenceAllowance {
  /** Before so many bytes are asked for; another attempt at the same piece costs nothing. @throws EngineError ResponseTooLarge */
  take(bytes: number, piece: string): void;
  /** Before one more signature or attestation is kept, each once. @throws EngineError ResponseTooLarge */
  addCandidate(source: string): void;
}

export function createEvidenceAllowance(limits: Pick<Limits, 'evidenceBytes' | 'candidates'>): EvidenceAllowance {
  return new Allowance(limits);
}

/** There is one in each of a hundred thousand images, most of which have one candidate: lists of their exact length. */
class Allowance implements EvidenceAllowance {
  readonly #limits: Pick<Limits, 'evidenceBytes' | 'candidates'>;
  #bytes = 0;
  #taken: readonly string[] = NONE;
  #candidates: readonly string[] = NONE;

  constructor(limits: Pick<Limits, 'evidenceBytes' | 'candidates'>) {
    this.#limits = limits;
  }

  take(more: number, piece: string): void {
    if (this.#taken.includes(piece)) return;
    const { evidenceBytes } = this.#limits;
    if (this.#bytes + more > evidenceBytes) throw spent(`${evidenceBytes} bytes`, 'evidenceBytes');
    this.#bytes += more;
    this.#taken = this.#taken.concat(piece);
  }

  addCandidate(source: string): void {
    if (this.#candidates.includes(source)) return;
    const { candidates } = this.#limits;
    if (this.#candidates.length === candidates) {
      throw spent(`${candidates} signatures and attestations`, 'candidates');
    }
    this.#candidates = this.#candidates.concat(source);
  }
}

const NONE: readonly never[] = [];

function spent(most: string, field: keyof Limits): EngineError {
  return new EngineError('ResponseTooLarge', `more than ${most} are stored beside the image`, {
    remedy: `Remove what is not needed beside the image, or raise limits.${field} in the configuration.`,
  });
}
