// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Caller, Outcome } from './caller.ts';
import { summaryOf, type Question } from './questions.ts';

export interface Tally {
  asked: number;
  right: number;
  /** Right, at a moment in which the answer before the change was right as well. */
  changing: number;
  wrong: number;
  /** Under way to a replica when that was killed: the API server answers by failurePolicy. */
  cut: number;
  /** Not answered for any other reason. */
  lost: number;
}

export interface LoadReport {
  /** By the name of the question. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** Of the first wrong or lost ones, for people. */
  readonly faults: readonly string[];
  readonly seconds: number;
  /** Milliseconds from when a review was due to its answer, in order: what waited its turn counts in full. */
  readonly latencies: Float64Array;
  /** From when it was sent, as an API server measures; in order. */
  readonly answerTimes: Float64Array;
  /** Reviews that were put off, as too many were under way. */
  readonly heldBack: number;
}

export interface LoadOptions {
  readonly caller: Pick<Caller, 'call'>;
  readonly questions: readonly Question[];
  /** Reviews a second, due whether or not earlier ones were answered. */
  readonly rate: number;
  readonly seconds: number;
  /** When a replica was killed, by `performance.now`; undefined: it was not. */
  readonly killedAt: (replica: string) => number | undefined;
}

/** Milliseconds between two volleys. */
const VOLLEY = 5;
const UNDER_WAY_MOST = 512;
/** A connection that ends so long after a kill did not end by it. */
const KILL_MILLISECONDS = 2000;
const FAULTS_MOST = 50;

/** Asks at a steady rate, in a mixed order, and assesses every answer. */
export async function runLoad({ caller, questions, rate, seconds, killedAt }: LoadOptions): Promise<LoadReport> {
  const order = mixed(questions);
  const tallies = new Map(
    questions.map(({ name }) => [name, { asked: 0, right: 0, changing: 0, wrong: 0, cut: 0, lost: 0 }]),
  );
  const faults: string[] = [];
  const latencies = new Float64Array(Math.ceil(rate * seconds) + 1);
  const answerTimes = new Float64Array(latencies.length);
  const underWay = new Set<Promise<void>>();
  let [answered, sent, heldBack] = [0, 0, 0];
  const began = performance.now();

  async function ask(question: Question, dueAt: number): Promise<void> {
    const uid = randomUUID();
    const startedAt = performance.now();
    const outcome = await caller.call(question.endpoint, question.body(uid));
    const endedAt = performance.now();
    const [result, fault] = assess(question, outcome, { uid, startedAt, endedAt });
    const tally = tallies.get(question.name);
    if (tally) {
      tally.asked += 1;
      tally[result] += 1;
    }
    if (fault !== undefined && faults.length < FAULTS_MOST) {
      faults.push(`${((endedAt - began) / 1000).toFixed(1)} s, ${question.name}: ${result}, ${fault}`);
    }
    if (outcome.kind !== 'answered') return;
    answerTimes[answered] = endedAt - startedAt;
    latencies[answered++] = endedAt - dueAt;
  }

  function assess(
    { right }: Question,
    outcome: Outcome,
    { uid, startedAt, endedAt }: { uid: string; startedAt: number; endedAt: number },
  ): [keyof Omit<Tally, 'asked'>, string?] {
    if (outcome.kind === 'answered') {
      const text = outcome.status === 200 ? summaryOf(outcome.text, uid) : `HTTP ${outcome.status}`;
      const assessment = right.assess(text, startedAt, endedAt);
      return assessment === 'wrong' ? ['wrong', `${text}, not ${right.current}`] : [assessment];
    }
    const at = killedAt(outcome.replica);
    if (outcome.kind === 'cut' && at !== undefined && endedAt - at < KILL_MILLISECONDS) return ['cut'];
    return ['lost', `${outcome.kind} by ${outcome.replica}: ${outcome.error}`];
  }

  for (let now = began; now - began < seconds * 1000; now = performance.now()) {
    const due = Math.floor(((now - began) / 1000) * rate);
    for (; sent < due; sent += 1) {
      if (underWay.size >= UNDER_WAY_MOST) {
        heldBack += 1;
        break;
      }
      const question = order[sent % order.length];
      if (question === undefined) throw new RangeError('no questions');
      const asking = ask(question, began + (sent / rate) * 1000).finally(() => underWay.delete(asking));
      underWay.add(asking);
    }
    await delay(VOLLEY);
  }
  await Promise.all(underWay);
  const elapsed = (performance.now() - began) / 1000;
  const inOrder = (values: Float64Array) => values.slice(0, answered).toSorted();
  return {
    tallies,
    faults,
    seconds: elapsed,
    latencies: inOrder(latencies),
    answerTimes: inOrder(answerTimes),
    heldBack,
  };
}

/** Each as often as its weight, those of one kind far from each other. */
function mixed(questions: readonly Question[]): readonly Question[] {
  return questions
    .flatMap((question) =>
      Array.from({ length: question.weight }, (_, index) => ({ question, at: (index + 0.5) / question.weight })),
    )
    .toSorted((a, b) => a.at - b.at)
    .map(({ question }) => question);
}

/** Of values in order; NaN of none. */
export function percentile(ordered: Float64Array, share: number): number {
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * share))] ?? NaN;
}
