// SPDX-License-Identifier: Apache-2.0
import { EngineError } from '../../errors.ts';
import { payloadOfEncoding } from '../../formats/dsse-envelope.ts';
import { createAskedThread, type AskedThreadOptions } from '../../threads/asked-thread.ts';
import type { AttestedStatement, CheckAsking, CheckedPredicate } from '../expressions/types.ts';
import type { Circumstances, DemandFault, DemandTexts } from '../expressions/types.ts';
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

export interface EvaluatorOptions extends Pick<AskedThreadOptions, 'monotonic' | 'backstop' | 'onEnded'> {
  /** For tests: what the thread runs. */
  readonly source?: URL;
}

/** A 4 MiB SBOM takes some 60 MiB, as objects and as CEL's values. */
const LIMITS = { maxOldGenerationSizeMb: 160, maxYoungGenerationSizeMb: 16 };
/** In the bundle the thread's program is a file beside the chunk that this is in. */
const SOURCE = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './evaluation-worker.js', import.meta.url);

/**
 * One thread for all. Steps are what bounds a question; where the thread had to be ended nevertheless, the answer is an
 * error that says nothing of the image.
 */
export function createEvaluator({ source = SOURCE, ...options }: EvaluatorOptions): Evaluator {
  const thread = createAskedThread<Question, Answer>({
    ...options,
    name: 'evaluation',
    source,
    limits: LIMITS,
    lost: timeout,
  });
  return {
    async compile(texts, owner) {
      const answer = await thread.ask(owner, { kind: 'compile', texts });
      if (answer.kind !== 'compiled') throw timeout('there was no answer');
      return answer.faults;
    },
    async check(texts, attested, circumstances, { owner, signal }) {
      const statement = payloadOfEncoding(attested.signedBytes);
      const answer = await thread.ask(owner, { kind: 'check', texts, statement, circumstances }, { signal });
      if (answer.kind !== 'checked') throw timeout('there was no answer');
      return answer.checked;
    },
    stop: () => thread.stop(),
  };
}

function timeout(message: string): EngineError {
  return new EngineError('EvaluationTimeout', message);
}
