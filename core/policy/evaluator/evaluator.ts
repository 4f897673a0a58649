// SPDX-License-Identifier: Apache-2.0
import { Worker } from 'node:worker_threads';
import { EngineError } from '../../errors.ts';
import { payloadOfEncoding } from '../../formats/dsse-envelope.ts';
import type { AttestedStatement, CheckAsking, CheckedPredicate } from '../expressions/types.ts';
import type { Circumstances, DemandFault, DemandTexts } from '../expressions/types.ts';
import { createFairQueue } from '../../turns/fair-queue.ts';
import { errorText } from '../../text.ts';
import type { Answer, Question } from './messages.ts';

/** Compiles and evaluates what people write, in a thread of its own. Both reject with EngineError EvaluationTimeout. */
export interface Evaluator {
  readonly compile: (texts: DemandTexts, owner: string) => Promise<readonly DemandFault[]>;
  readonly check: (
    texts: DemandTexts,
    attested: AttestedStatement,
    circumstances: Circumstances,
    asking: CheckAsking,
  ) => Promise<CheckedPredicate>;
  stop(): Promise<void>;
}

export interface EvaluatorOptions {
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  /** Milliseconds after which the thread is ended; a question takes less than one by the count of its steps. */
  readonly backstop?: number;
  /** For tests: what the thread runs. */
  readonly source?: URL;
  /** The thread was ended, or ended itself, in the midst of a question. */
  readonly onEnded?: (reason: string, owner: string) => void;
}

const BACKSTOP = 5000;
/** On a busy machine loading alone takes seconds. */
const START = 60_000;
/** A 4 MiB SBOM takes some 60 MiB, as objects and as CEL's values. */
const LIMITS = { maxOldGenerationSizeMb: 160, maxYoungGenerationSizeMb: 16 };
/** In the bundle the thread's program is a file beside the chunk that this is in. */
const SOURCE = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './evaluation-worker.js', import.meta.url);

interface Job {
  readonly question: Question;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: EngineError) => void;
}

interface Asked {
  readonly owner: string;
  readonly job: Job;
  since: number;
  timer: NodeJS.Timeout;
}

/**
 * One thread for all, which is asked one question at a time and ended where it takes too long or too much memory.
 * Steps are what bounds a question; the clock is only for what the count has missed, and its answer is an error that
 * says nothing of the image. The thread starts with the first question.
 */
export function createEvaluator(options: EvaluatorOptions): Evaluator {
  const { monotonic, backstop = BACKSTOP, source = SOURCE } = options;
  const queue = createFairQueue<Job>(monotonic);
  let worker: Worker | undefined;
  let isReady = false;
  let asked: Asked | undefined;

  function start(): Worker {
    isReady = false;
    const started = new Worker(source, { resourceLimits: LIMITS, name: 'evaluation', stdin: false });
    const ended = (reason: string) => {
      if (worker === started) replace(reason);
    };
    started.on('message', (answer: Answer) => {
      if (worker === started) onAnswer(answer);
    });
    started.on('error', (thrown) => ended(thrown instanceof Error ? thrown.message : 'it failed'));
    started.on('exit', () => ended('it ended'));
    return started;
  }

  /** The thread is no more; whoever waits for its answer is told so, and the next question gets another. */
  function replace(reason: string): void {
    const lost = settled();
    const former = worker;
    worker = undefined;
    void former?.terminate();
    if (lost !== undefined) {
      options.onEnded?.(reason, lost.owner);
      lost.job.reject(timeout(`the evaluation was ended: ${reason}`));
    }
    next();
  }

  function onAnswer(answer: Answer): void {
    if (answer.kind === 'ready') {
      isReady = true;
      if (asked !== undefined) post(asked);
      return;
    }
    settled()?.job.resolve(answer);
    next();
  }

  /** The question that was asked, which is answered or lost now. */
  function settled(): Asked | undefined {
    const done = asked;
    asked = undefined;
    if (done === undefined) return undefined;
    clearTimeout(done.timer);
    queue.charge(done.owner, monotonic() - done.since);
    return done;
  }

  /** Asks what comes next; what can't be asked is refused at once, however much of it there is. */
  function next(): void {
    while (asked === undefined) {
      const taken = queue.take();
      if (taken === undefined) {
        worker?.unref();
        return;
      }
      const refusal = refusalOf(taken);
      if (refusal === undefined) begin(taken);
      else taken.job.reject(timeout(refusal));
    }
  }

  /** Why the thread can't be asked, which is started where there is none. */
  function refusalOf({ owner, job }: Pick<Asked, 'owner' | 'job'>): string | undefined {
    if (job.signal?.aborted === true) return 'nobody waits for it any more';
    try {
      worker ??= start();
      return undefined;
    } catch (thrown) {
      options.onEnded?.(errorText(thrown), owner);
      return `the thread can not be started: ${errorText(thrown)}`;
    }
  }

  function begin(taken: Pick<Asked, 'owner' | 'job'>): void {
    worker?.ref();
    const timer = setTimeout(() => replace('its thread did not start'), START);
    asked = { ...taken, since: monotonic(), timer };
    if (isReady) post(asked);
  }

  function post(current: Asked): void {
    clearTimeout(current.timer);
    current.since = monotonic();
    current.timer = setTimeout(() => replace(`it took longer than ${backstop} ms`), backstop);
    worker?.postMessage(current.job.question);
  }

  function ask(owner: string, question: Question, signal?: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (queue.add(owner, { question, signal, resolve, reject })) next();
      else reject(timeout(`too many evaluations for ${owner === '' ? 'the cluster' : owner} wait`));
    });
  }

  return {
    async compile(texts, owner) {
      const answer = await ask(owner, { kind: 'compile', texts });
      if (answer.kind !== 'compiled') throw timeout('there was no answer');
      return answer.faults;
    },
    async check(texts, attested, circumstances, { owner, signal }) {
      const statement = payloadOfEncoding(attested.signedBytes);
      const answer = await ask(owner, { kind: 'check', texts, statement, circumstances }, signal);
      if (answer.kind !== 'checked') throw timeout('there was no answer');
      return answer.checked;
    },
    async stop() {
      const former = worker;
      worker = undefined;
      settled()?.job.reject(timeout('shutting down'));
      for (let left = queue.take(); left !== undefined; left = queue.take()) left.job.reject(timeout('shutting down'));
      await former?.terminate();
    },
  };
}

function timeout(message: string): EngineError {
  return new EngineError('EvaluationTimeout', message);
}
