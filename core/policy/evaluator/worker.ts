// SPDX-License-Identifier: Apache-2.0
// The thread that compiles and evaluates what people write. It has nothing but its messages: whoever breaks it gains
// nothing, and it is ended and replaced whenever it does not answer.
import { parentPort } from 'node:worker_threads';
import { isJsonObject } from '../../json.ts';
import { createRecentlyUsed } from '../../recently-used.ts';
import { compileDemand, type CompiledDemand } from '../expressions/demand.ts';
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
  const statement: unknown = JSON.parse(Buffer.from(question.statement).toString('utf8'));
  const predicate = isJsonObject(statement) ? statement['predicate'] : undefined;
  return { kind: 'checked', checked: demand.check({ statement, predicate }, question.circumstances) };
}

function say(answer: Answer): void {
  parentPort?.postMessage(answer);
}

parentPort?.on('message', (question: Question) => say(answerTo(question)));
say({ kind: 'ready' });
