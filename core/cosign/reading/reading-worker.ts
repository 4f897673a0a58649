// SPDX-License-Identifier: Apache-2.0
// The thread that reads large texts. It has nothing but its messages, and runs nothing that anybody else wrote.
import { EngineError } from '../../errors.ts';
import type { SignatureCandidate } from '../../signatures/types.ts';
import { answerQuestions, type AnswerTo } from '../../threads/answering.ts';
import { readStored } from './read-stored.ts';
import type { StoredText } from '../stored-text.ts';
import type { ReadAnswer } from './messages.ts';

const answerTo: AnswerTo<StoredText, ReadAnswer> = (text) => {
  try {
    const { signatures, attestations, faults } = readStored(text);
    const batch = { signatures: signatures.map(owning), attestations: attestations.map(owning), faults };
    const bytes = [...batch.signatures, ...batch.attestations].flatMap((one) => [one.signedBytes, one.signature]);
    return { answer: { kind: 'evidence', batch }, transfer: bytes.map(({ buffer }) => buffer) };
  } catch (error) {
    // Anything else is a mistake of ours, and ends the thread.
    if (!(error instanceof EngineError)) throw error;
    const { code, message, remedy } = error;
    return { answer: { kind: 'fault', code, message, ...(remedy !== undefined && { remedy }) } };
  }
};

/** With bytes that nothing else has a part of, so that they can be given away. */
function owning<Candidate extends SignatureCandidate>(candidate: Candidate) {
  const { signedBytes, signature } = candidate;
  return { ...candidate, signedBytes: new Uint8Array(signedBytes), signature: new Uint8Array(signature) };
}

answerQuestions(answerTo);
