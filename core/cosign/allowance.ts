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
  let bytes = 0;
  /** Made with the first: most images in the cache need no more. */
  let taken: Set<string> | undefined;
  let candidates: Set<string> | undefined;
  return {
    take(more, piece) {
      if (taken?.has(piece) === true) return;
      if (bytes + more > limits.evidenceBytes) throw spent(`${limits.evidenceBytes} bytes`, 'evidenceBytes');
      bytes += more;
      (taken ??= new Set()).add(piece);
    },
    addCandidate(source) {
      if (candidates?.has(source) === true) return;
      if (candidates?.size === limits.candidates) {
        throw spent(`${limits.candidates} signatures and attestations`, 'candidates');
      }
      (candidates ??= new Set()).add(source);
    },
  };
}

function spent(most: string, field: keyof Limits): EngineError {
  return new EngineError('ResponseTooLarge', `more than ${most} are stored beside the image`, {
    remedy: `Remove what is not needed beside the image, or raise limits.${field} in the configuration.`,
  });
}
