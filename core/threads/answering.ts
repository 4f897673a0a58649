// SPDX-License-Identifier: Apache-2.0
import { constants, setPriority } from 'node:os';
import { parentPort, type Transferable } from 'node:worker_threads';

/** What a thread says before it can be asked anything. */
export const READY = 'ready';

/** What it throws ends the thread. */
export type AnswerTo<Question, Answer> = (question: Question) => {
  readonly answer: Answer;
  /** Given away with the answer. */
  readonly transfer?: Transferable[];
};

/** In the thread itself: answers one question after the other. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever starts the thread asks nothing else
export function answerQuestions<Question>(answerTo: AnswerTo<Question, unknown>): void {
  standBack();
  parentPort?.on('message', (question: Question) => {
    const { answer, transfer = [] } = answerTo(question);
    parentPort?.postMessage(answer, transfer);
  });
  parentPort?.postMessage(READY);
}

/** The thread that serves admissions goes first, where both want the same processor. */
function standBack(): void {
  // Linux knows the priority of one thread; elsewhere it would be that of all.
  if (process.platform !== 'linux') return;
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Where the priority may not be changed, the thread competes as before.
  }
}
