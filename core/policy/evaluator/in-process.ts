// SPDX-License-Identifier: Apache-2.0
import { payloadOfEncoding } from '../../formats/dsse-envelope.ts';
import { compileDemand, statementInput } from '../expressions/demand.ts';
import type { DemandTexts } from '../expressions/types.ts';
import type { PreparedDemand } from './prepared.ts';
import { remembering } from './prepared.ts';
import type { Evaluator } from './evaluator.ts';

/** For a command, whose user waits for texts of his own: within the same bounds, and in this thread. */
export function prepareInProcess(texts: DemandTexts): PreparedDemand {
  const { faults, check } = compileDemand(texts);
  return {
    faults,
    check: remembering(texts, async ({ signedBytes }, circumstances) =>
      check(statementInput(payloadOfEncoding(signedBytes)), circumstances),
    ),
  };
}

/** For policies of files, whose author starts the program: compiled here, and evaluated apart, as images are others'. */
export function preparedApart(evaluator: Evaluator): (texts: DemandTexts) => PreparedDemand {
  return (texts) => ({
    faults: compileDemand(texts).faults,
    check: remembering(texts, (...question) => evaluator.check(texts, ...question)),
  });
}
