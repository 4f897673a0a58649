// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import type { Limits } from '../limits.ts';

/**
 * What reading the evidence of one image may take in all, wherever it is stored: caps on single answers multiply, and
 * whoever may push to a repository chooses how many there are.
 */
export interface EvidenceAllowance {
  /** Before so many bytes are asked for. @throws EngineError ResponseTooLarge */
  take(bytes: number): void;
  /** Before one more signature or attestation is kept. @throws EngineError ResponseTooLarge */
  addCandidate(): void;
}

export function createEvidenceAllowance(limits: Pick<Limits, 'evidenceBytes' | 'candidates'>): EvidenceAllowance {
  let bytes = 0;
  let candidates = 0;
  return {
    take(more) {
      if (bytes + more > limits.evidenceBytes) throw spent(`${limits.evidenceBytes} bytes`, 'evidenceBytes');
      bytes += more;
    },
    addCandidate() {
      if (candidates === limits.candidates) {
        throw spent(`${limits.candidates} signatures and attestations`, 'candidates');
      }
      candidates += 1;
    },
  };
}

function spent(most: string, field: keyof Limits): EngineError {
  return new EngineError('ResponseTooLarge', `more than ${most} are stored beside the image`, {
    remedy: `Remove what is not needed beside the image, or raise limits.${field} in the configuration.`,
  });
}
