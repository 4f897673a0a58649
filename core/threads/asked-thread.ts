// SPDX-License-Identifier: Apache-2.0
import { Worker, type ResourceLimits, type Transferable } from 'node:worker_threads';
import { errorText } from '../text.ts';
import { createFairQueue } from '../turns/fair-queue.ts';
import { READY } from './answering.ts';

/** A thread that is asked one question at a time, and ended where it takes too long or too much memory. */
export interface AskedThread<Question, Answer> {
  /**
   * Whose work took the least lately comes first. Rejects with what `lost` makes where there is no answer.
   *
   * @param transfer given to the thread, and gone here
   */
  ask(owner: string, question: Question, more?: { signal?: AbortSignal; transfer?: Transferable[] }): Promise<Answer>;
  stop(): Promise<void>;
}

export interface AskedThreadOptions {
  /** For messages: the thread is of this. */
  readonly name: string;
  /** What it runs, which answers by `answerQuestions`. */
  readonly source: URL;
  readonly limits: ResourceLimits;
  /** Milliseconds that only grow. */
  readonly monotonic: () => number;
  /** Milliseconds after which it is ended; a question takes less than one by the count of its steps. */
  readonly backstop?: number;
  /** The error of a question without an answer; it must not repeat anything of the question. */
  readonly lost: (why: string) => Error;
  /** The thread was ended, or ended itself, in the midst of a question. */
  readonly onEnded?: (reason: string, owner: string) => void;
}

const BACKSTOP = 5000;
/** On a busy machine loading alone takes seconds. */
const START = 60_000;

interface Job<Question, Answer> {
  readonly question: Question;
  readonly transfer: Transferable[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

interface Asked<Question, Answer> {
  readonly owner: string;
  readonly job: Job<Question, Answer>;
  since: number;
  timer: NodeJS.Timeout;
}

/**
 * Steps are what bounds a question; the clock is only for what the count has missed. The thread starts with the first
 * question, and another with the first after its end.
 */
export function createAskedThread<Question, Answer>(options: AskedThreadOptions): AskedThread<Question, Answer> {
  const { name, source, limits, monotonic, backstop = BACKSTOP, lost } = options;
  const queue = createFairQueue<Job<Question, Answer>>(monotonic);
  let worker: Worker | undefined;
  let isReady = false;
  let asked: Asked<Question, Answer> | undefined;

  function start(): Worker {
    isReady = false;
    const started = new Worker(source, { resourceLimits: limits, name, stdin: false });
    const ended = (reason: string) => {
      if (worker === started) replace(reason);
    };
    started.on('message', (said: Answer | typeof READY) => {
      if (worker === started) onSaid(said);
    });
    started.on('error', (thrown) => ended(thrown instanceof Error ? thrown.message : 'it failed'));
    started.on('exit', () => ended('it ended'));
    return started;
  }

  /** The thread has ended: questions that wait for an answer fail, and the next one starts another thread. */
  function replace(reason: string): void {
    const left = settled();
    const former = worker;
    worker = undefined;
    void former?.terminate();
    if (left !== undefined) {
      options.onEnded?.(reason, left.owner);
      left.job.reject(lost(`the ${name} was ended: ${reason}`));
    }
    next();
  }

  function onSaid(said: Answer | typeof READY): void {
    if (said === READY) {
      isReady = true;
      if (asked !== undefined) post(asked);
      return;
    }
    settled()?.job.resolve(said);
    next();
  }

  /** The question that was asked, which is answered or lost now. */
  function settled(): Asked<Question, Answer> | undefined {
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
      else taken.job.reject(lost(refusal));
    }
  }

  /** Why the thread can't be asked, which is started where there is none. */
  function refusalOf({ owner, job }: Pick<Asked<Question, Answer>, 'owner' | 'job'>): string | undefined {
    if (job.signal?.aborted === true) return 'nobody waits for it any more';
    try {
      worker ??= start();
      return undefined;
    } catch (thrown) {
      options.onEnded?.(errorText(thrown), owner);
      return `the thread can not be started: ${errorText(thrown)}`;
    }
  }

  function begin(taken: Pick<Asked<Question, Answer>, 'owner' | 'job'>): void {
    worker?.ref();
    const timer = setTimeout(() => replace('its thread did not start'), START);
    asked = { ...taken, since: monotonic(), timer };
    if (isReady) post(asked);
  }

  function post(current: Asked<Question, Answer>): void {
    clearTimeout(current.timer);
    current.since = monotonic();
    current.timer = setTimeout(() => replace(`it took longer than ${backstop} ms`), backstop);
    worker?.postMessage(current.job.question, current.job.transfer);
  }

  return {
    ask(owner, question, { signal, transfer = [] } = {}) {
      return new Promise((resolve, reject) => {
        if (queue.add(owner, { question, transfer, signal, resolve, reject })) next();
        else reject(lost(`too much of ${owner === '' ? 'the cluster' : owner} waits for the ${name}`));
      });
    },
    async stop() {
      const former = worker;
      worker = undefined;
      settled()?.job.reject(lost('shutting down'));
      for (let left = queue.take(); left !== undefined; left = queue.take()) left.job.reject(lost('shutting down'));
      await former?.terminate();
    },
  };
}
