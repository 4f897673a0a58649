// SPDX-License-Identifier: Apache-2.0
// Fails in the way that the source of a text says; else finds nothing in it.
import { answerQuestions, type AnswerTo } from '../../../../../core/threads/answering.ts';
import type { ReadAnswer } from '../../../../../core/cosign/reading/messages.ts';
import type { StoredText } from '../../../../../core/cosign/stored-text.ts';

const held: string[] = [];

const answerTo: AnswerTo<StoredText, ReadAnswer> = ({ source }) => {
  if (source === 'endless') for (;;);
  if (source === 'memory') for (;;) held.push(JSON.stringify(Array.from({ length: 100_000 }, Math.random)));
  if (source === 'ends') process.exit(1);
  return { answer: { kind: 'evidence', batch: { signatures: [], attestations: [], faults: [] } } };
};
answerQuestions(answerTo);
