// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../errors.ts';
import type { Digest } from '../image/digest.ts';
import type { EvidenceBatch } from '../signatures/types.ts';

/** A text that is stored beside an image, as it was fetched. It and what comes of it are plain data. */
export interface StoredText {
  readonly kind: 'bundle' | 'attestation';
  readonly bytes: Uint8Array;
  readonly maximumBytes: number;
  /** The image it has to be about. */
  readonly digest: Digest;
  /** Where it was found. */
  readonly source: string;
}

/** For whom it is read. */
export interface StoredTextAsking {
  /** What is stored beside others' images does not wait behind all that one has stored. */
  readonly owner: string;
  readonly signal: AbortSignal;
}

/** As `readStored`, here or elsewhere; in time, or it rejects with a failure that says nothing of the text. */
export type ReadStored = (text: StoredText, asking: StoredTextAsking) => EvidenceBatch | Promise<EvidenceBatch>;

/** Characters; certificates, log entries and timestamps of one signature have some ten thousand. */
const MODEST = 256 * 1024;

/**
 * What comes of a text beside what was signed: it is copied from thread to thread, and what is signed is not.
 *
 * @throws EngineError ResponseTooLarge
 */
export function requireModest({ bytes }: Pick<StoredText, 'bytes'>, beside: readonly unknown[]): void {
  // What it was parsed of is no shorter, but for the escapes that JSON allows.
  if (6 * bytes.length <= MODEST || JSON.stringify(beside).length <= MODEST) return;
  throw new EngineError('ResponseTooLarge', `it has more than ${MODEST} characters beside what is signed`);
}
