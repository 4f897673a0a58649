// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import { factsOf } from '../verdict-codes.ts';
import type { EvidenceBatch, EvidenceFault } from './types.ts';

export const NO_EVIDENCE: EvidenceBatch = { signatures: [], attestations: [], faults: [] };

export function mergeEvidence(batches: readonly EvidenceBatch[]): EvidenceBatch {
  return {
    signatures: batches.flatMap(({ signatures }) => signatures),
    attestations: batches.flatMap(({ attestations }) => attestations),
    faults: batches.flatMap(({ faults }) => faults),
  };
}

/** A failure that another attempt may not meet. */
export function isTransient(error: unknown): error is EngineError {
  return error instanceof EngineError && factsOf(error.code).isTransient;
}

export function faultyEvidence(...faults: readonly EvidenceFault[]): EvidenceBatch {
  return { ...NO_EVIDENCE, faults };
}

/**
 * One piece of evidence that cannot be used must not hide the others (an unrelated bundle beside a good
 * `.sig`), so what is wrong with it is recorded. Only `EngineError` is: the rest are our own mistakes.
 */
export function faultFrom(source: string, error: unknown): EvidenceFault {
  if (!(error instanceof EngineError)) throw error;
  const { code, message, remedy } = error;
  const told = remedy === undefined ? {} : { remedy };
  return code === 'MalformedSignature' ? { source, message, ...told } : { source, message, code, ...told };
}
