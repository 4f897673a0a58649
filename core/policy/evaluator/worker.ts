// SPDX-License-Identifier: Apache-2.0
// The thread that compiles and evaluates what people write. It has nothing but its messages: whoever breaks it gains
// nothing, and it is ended and replaced whenever it does not answer.
import { createRecentlyUsed } from '../../recently-used.ts';
import { answerQuestions, type AnswerTo } from '../../threads/answering.ts';
import { compileDemand, statementInput, type CompiledDemand } from '../expressions/demand.ts';
import type { DemandTexts } from '../expressions/types.ts';
import type { Answer, Question } from './messages.ts';

/** A compiled schema may hold a MiB or two. */
const KEPT = 24;
const compiled = createRecentlyUsed<CompiledDemand>(KEPT);

function demandOf(texts: DemandTexts): CompiledDemand {
  const key = JSON.stringify(texts);
  const demand = compiled.get(key) ?? compileDemand(texts);
  compiled.set(key, demand);
  return demand;
}

function answerTo(question: Question): Answer {
  const demand = demandOf(question.texts);
  if (question.kind === 'compile') return { kind: 'compiled', faults: demand.faults };
  return { kind: 'checked', checked: demand.check(statementInput(question.statement), question.circumstances) };
}

const answering: AnswerTo<Question, Answer> = (question) => ({ answer: answerTo(question) });
answerQuestions(answering);
